"""A procedure dossier: land is registered and a certificate asked for."""

from datetime import date

from deploy.samples.paper import Paper, Table, Text

_PROVINCE = "ỦY BAN NHÂN DÂN\nTỈNH KIÊN GIANG"
_DEPARTMENT = "SỞ TÀI NGUYÊN\nVÀ MÔI TRƯỜNG"
_OFFICE = "Sở Tài nguyên và Môi trường tỉnh Kiên Giang"

APPLICATION = Paper(
    file="01-don-dang-ky.pdf",
    dossier="dat-dai",
    title="Đơn đăng ký, cấp Giấy chứng nhận quyền sử dụng đất",
    type_name="Đơn",
    organ="Công dân",
    place="",
    issued_on=date(2018, 9, 4),
    addressee="Ủy ban nhân dân huyện (qua Bộ phận Tiếp nhận và Trả kết quả)",
    dpi=200,
    skew=0.6,
    arrived="Số: 1127\nNgày: 05/9/2018\nChuyển: Phòng Đăng ký đất đai",
    blocks=(
        Text("ĐƠN ĐĂNG KÝ, CẤP GIẤY CHỨNG NHẬN", centred=True, bold=True),
        Text("QUYỀN SỬ DỤNG ĐẤT", centred=True, bold=True),
        Text("", lead="I. PHẦN KÊ KHAI CỦA NGƯỜI ĐĂNG KÝ", indent=False),
        Text("Ông A, sinh năm: ..........................", lead="1. Người sử dụng đất: "),
        Text(
            "ấp ..................., xã ..................., huyện ..................., "
            "tỉnh Kiên Giang.",
            lead="Địa chỉ thường trú: ",
        ),
        Text(
            "Đăng ký quyền sử dụng đất và cấp Giấy chứng nhận đối với thửa đất nêu tại mục 3.",
            lead="2. Đề nghị: ",
        ),
        Text("", lead="3. Thửa đất đăng ký:"),
        Table(
            (0.1, 0.55, 0.35),
            (
                ("TT", "Nội dung kê khai", "Thông tin"),
                ("1", "Thửa đất số, tờ bản đồ số", "217, tờ số 14"),
                ("2", "Diện tích", "1.284,6 m²"),
                ("3", "Mục đích sử dụng", "Đất trồng lúa"),
                ("4", "Nguồn gốc sử dụng", "Cha mẹ để lại"),
                ("5", "Thời điểm sử dụng từ", "Năm 1986"),
            ),
        ),
        Text(
            "Gia đình tôi sử dụng thửa đất ổn định, liên tục từ năm 1986 đến nay, không có tranh "
            "chấp với các hộ liền kề. Ranh giới thửa đất được xác định bằng bờ ruộng phía Bắc và "
            "con mương thoát nước phía Nam.",
            lead="4. Tình trạng sử dụng: ",
        ),
        Text(
            "Thửa đất không có nhà ở và công trình xây dựng khác; trên đất có 12 cây dừa do gia "
            "đình tự trồng.",
            lead="5. Tài sản gắn liền với đất: ",
        ),
        Text("", lead="6. Những giấy tờ nộp kèm theo:"),
        Text("- Trích lục bản đồ địa chính thửa đất;"),
        Text("- Biên bản xác minh hiện trạng sử dụng đất;"),
        Text("- Bản sao sổ hộ khẩu có chứng thực;"),
        Text("- Biên lai nộp thuế sử dụng đất nông nghiệp các năm."),
        Text(
            "Tôi cam đoan nội dung kê khai trên đơn là đúng sự thật, nếu sai tôi hoàn toàn chịu "
            "trách nhiệm trước pháp luật.",
        ),
        Text("", lead="II. XÁC NHẬN CỦA ỦY BAN NHÂN DÂN XÃ", indent=False),
        Text(
            "Nội dung kê khai so với hiện trạng là phù hợp. Nguồn gốc sử dụng đất do cha mẹ để lại "
            "từ trước ngày 15 tháng 10 năm 1993.",
            lead="1. Về nguồn gốc: ",
        ),
        Text(
            "Việc niêm yết công khai kết quả kiểm tra hồ sơ đã thực hiện đủ mười lăm ngày, không "
            "có đơn thư khiếu nại.",
            lead="2. Về niêm yết: ",
        ),
        Text(
            "Thửa đất phù hợp với quy hoạch sử dụng đất đã được cấp có thẩm quyền phê duyệt.",
            lead="3. Về quy hoạch: ",
        ),
    ),
    signer=("NGƯỜI VIẾT ĐƠN", "(Ký và ghi rõ họ tên)", "~", "Ông A"),
    sentences=(
        "Gia đình tôi sử dụng thửa đất ổn định, liên tục từ năm 1986 đến nay, không có tranh chấp "
        "với các hộ liền kề.",
        "Việc niêm yết công khai kết quả kiểm tra hồ sơ đã thực hiện đủ mười lăm ngày, không có "
        "đơn thư khiếu nại.",
    ),
)

INSPECTION = Paper(
    file="02-bien-ban-xac-minh.jpg",
    dossier="dat-dai",
    title="Biên bản xác minh hiện trạng sử dụng đất",
    type_name="Biên bản",
    organ=_OFFICE,
    above=_PROVINCE,
    letterhead=_DEPARTMENT,
    number="Số: 46/BB-STNMT",
    issued_on=date(2018, 9, 18),
    dpi=200,
    skew=-0.9,
    blocks=(
        Text("BIÊN BẢN", centred=True, bold=True),
        Text("Xác minh hiện trạng sử dụng đất", centred=True, bold=True),
        Text(
            "Hôm nay, vào lúc 08 giờ 30 phút, ngày 18 tháng 9 năm 2018, tại thửa đất số 217, tờ "
            "bản đồ số 14, chúng tôi gồm có:"
        ),
        Text("- Đại diện Văn phòng Đăng ký đất đai: Chuyên viên phụ trách địa bàn;"),
        Text("- Đại diện Ủy ban nhân dân xã: Công chức địa chính - xây dựng;"),
        Text("- Người sử dụng đất: Ông A; người chứng kiến: đại diện hai hộ liền kề."),
        Text(
            "Đoàn đã đo đạc lại bằng máy toàn đạc điện tử, diện tích thực tế là 1.284,6 m², chênh "
            "lệch không đáng kể so với trích lục bản đồ địa chính.",
            lead="1. Kết quả đo đạc: ",
        ),
        Text(
            "Phía Đông giáp lộ nông thôn rộng ba mét; phía Tây giáp đất bà B; phía Nam giáp mương "
            "thoát nước; phía Bắc giáp đất lúa của hộ liền kề.",
            lead="2. Ranh giới: ",
        ),
        Text(
            "Đất đang trồng lúa hai vụ, không bị lấn chiếm, không thuộc hành lang bảo vệ công "
            "trình thủy lợi.",
            lead="3. Hiện trạng: ",
        ),
        Text(
            "Các hộ liền kề thống nhất ký giáp ranh, không ai có ý kiến khác.",
            lead="4. Ý kiến các hộ liền kề: ",
        ),
        Text(
            "Biên bản lập xong lúc 10 giờ cùng ngày, đã đọc lại cho mọi người cùng nghe, được lập "
            "thành ba bản có giá trị như nhau."
        ),
    ),
    recipients=("Ủy ban nhân dân xã;", "Người sử dụng đất;", "Lưu: VT, hồ sơ."),
    signer=("NGƯỜI LẬP BIÊN BẢN", "~", "Chuyên viên"),
    sentences=(
        "Đoàn đã đo đạc lại bằng máy toàn đạc điện tử, diện tích thực tế là 1.284,6 m²",
        "Đất đang trồng lúa hai vụ, không bị lấn chiếm, không thuộc hành lang bảo vệ công trình "
        "thủy lợi.",
    ),
)

RECEIPT = Paper(
    file="03-giay-tiep-nhan.png",
    dossier="dat-dai",
    title="Giấy tiếp nhận hồ sơ và hẹn trả kết quả",
    type_name="Giấy tiếp nhận hồ sơ",
    organ=_OFFICE,
    above=_DEPARTMENT,
    letterhead="BỘ PHẬN TIẾP NHẬN\nVÀ TRẢ KẾT QUẢ",
    number="Số: 1127/TNHS",
    issued_on=date(2018, 9, 5),
    a5=True,
    dpi=200,
    skew=0.4,
    blocks=(
        Text("GIẤY TIẾP NHẬN HỒ SƠ VÀ HẸN TRẢ KẾT QUẢ", centred=True, bold=True),
        Text("H33.05-180905-0001", lead="Mã hồ sơ: ", indent=False),
        Text("Ông A", lead="Tiếp nhận hồ sơ của: ", indent=False),
        Text(
            "Đăng ký và cấp Giấy chứng nhận quyền sử dụng đất lần đầu.",
            lead="Nội dung yêu cầu giải quyết: ",
            indent=False,
        ),
        Text(
            "đơn đăng ký; trích lục bản đồ; biên lai thuế. Số lượng hồ sơ: 01 bộ.",
            lead="Thành phần hồ sơ nộp gồm: ",
            indent=False,
        ),
        Text("30 ngày làm việc.", lead="Thời gian giải quyết theo quy định: ", indent=False),
        Text(
            "09 giờ 15 phút, ngày 05 tháng 9 năm 2018.",
            lead="Thời gian nhận hồ sơ: ",
            indent=False,
        ),
        Text(
            "16 giờ 00 phút, ngày 17 tháng 10 năm 2018.",
            lead="Thời gian trả kết quả: ",
            indent=False,
        ),
        Text(
            "Khi đến nhận kết quả, người nộp hồ sơ mang theo giấy này và giấy tờ tùy thân.",
            indent=False,
        ),
    ),
    signer=("NGƯỜI TIẾP NHẬN HỒ SƠ", "~", "Công chức một cửa"),
    sentences=(
        "Khi đến nhận kết quả, người nộp hồ sơ mang theo giấy này và giấy tờ tùy thân.",
        "16 giờ 00 phút, ngày 17 tháng 10 năm 2018.",
    ),
)

PROPOSAL = Paper(
    file="04-to-trinh-cap-giay.pdf",
    dossier="dat-dai",
    title="Tờ trình về việc cấp Giấy chứng nhận quyền sử dụng đất cho hộ gia đình, cá nhân",
    type_name="Tờ trình",
    organ=_OFFICE,
    above=_PROVINCE,
    letterhead=_DEPARTMENT,
    number="Số: 512/TTr-STNMT",
    issued_on=date(2018, 10, 9),
    addressee="Ủy ban nhân dân tỉnh Kiên Giang",
    dpi=300,
    skew=-0.35,
    blocks=(
        Text("TỜ TRÌNH", centred=True, bold=True),
        Text(
            "Về việc cấp Giấy chứng nhận quyền sử dụng đất\ncho hộ gia đình, cá nhân",
            centred=True,
            bold=True,
        ),
        Text(
            "Căn cứ Luật Đất đai ngày 29 tháng 11 năm 2013 và các văn bản hướng dẫn thi hành; căn "
            "cứ kết quả thẩm tra hồ sơ của Văn phòng Đăng ký đất đai, Sở Tài nguyên và Môi trường "
            "kính trình như sau:"
        ),
        Text(
            "Hồ sơ gồm đơn đăng ký, trích lục bản đồ địa chính, biên bản xác minh hiện trạng và "
            "phiếu lấy ý kiến khu dân cư, bảo đảm đầy đủ thành phần theo quy định.",
            lead="1. Về hồ sơ: ",
        ),
        Text(
            "Thửa đất số 217, tờ bản đồ số 14 có nguồn gốc rõ ràng, sử dụng ổn định trước ngày 15 "
            "tháng 10 năm 1993, đủ điều kiện công nhận quyền sử dụng đất theo Điều 101.",
            lead="2. Về điều kiện: ",
        ),
        Text(
            "Người sử dụng đất được miễn tiền sử dụng đất trong hạn mức, nộp lệ phí trước bạ theo "
            "thông báo của cơ quan thuế.",
            lead="3. Về nghĩa vụ tài chính: ",
        ),
        Text("Sở Tài nguyên và Môi trường kính trình Ủy ban nhân dân tỉnh xem xét, quyết định./."),
    ),
    recipients=("Như trên;", "Văn phòng Đăng ký đất đai;", "Lưu: VT, ĐKĐĐ."),
    signer=("GIÁM ĐỐC", "~", "Giám đốc Sở"),
    sentences=(
        "Người sử dụng đất được miễn tiền sử dụng đất trong hạn mức, nộp lệ phí trước bạ theo "
        "thông báo của cơ quan thuế.",
    ),
)
