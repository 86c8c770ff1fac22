"""The samples: three dossiers of two agencies, and the papers in them."""

from deploy.samples.digitising import DECISION, NOTICE
from deploy.samples.land import APPLICATION, INSPECTION, PROPOSAL, RECEIPT
from deploy.samples.paper import Dossier
from deploy.samples.technology import LETTER, REPORT

AGENCIES = (
    ("H33", "Ủy ban nhân dân tỉnh Kiên Giang", None),
    ("H33.05", "Sở Tài nguyên và Môi trường tỉnh Kiên Giang", "H33"),
)
APPLICANT = {"name": "Ông A", "phone": "0900000000", "id_number": "000000000000"}
PROCEDURE = "Đăng ký và cấp Giấy chứng nhận quyền sử dụng đất lần đầu"

DOSSIERS = (
    Dossier(
        "dat-dai",
        "H33.05",
        "Đăng ký và cấp Giấy chứng nhận quyền sử dụng đất lần đầu của Ông A",
        "procedure",
        PROCEDURE,
    ),
    Dossier(
        "cong-nghe-thong-tin",
        "H33",
        "Ứng dụng công nghệ thông tin trong cơ quan nhà nước năm 2018",
        "work-file",
    ),
    Dossier(
        "so-hoa",
        "H33",
        "Quy trình số hóa hồ sơ, kết quả giải quyết thủ tục hành chính",
        "work-file",
    ),
)

PAPERS = (APPLICATION, INSPECTION, RECEIPT, PROPOSAL, REPORT, LETTER, DECISION, NOTICE)
