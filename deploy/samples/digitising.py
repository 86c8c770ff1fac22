"""A work file: the province says how dossiers are to be scanned."""

from datetime import date

from deploy.samples.paper import Paper, Text

_PROVINCE = "ỦY BAN NHÂN DÂN\nTỈNH KIÊN GIANG"
_COMMITTEE = "Ủy ban nhân dân tỉnh Kiên Giang"

DECISION = Paper(
    file="07-quyet-dinh-so-hoa.tif",
    dossier="so-hoa",
    title="Quyết định ban hành Quy trình số hóa hồ sơ, kết quả giải quyết thủ tục hành chính",
    type_name="Quyết định",
    organ=_COMMITTEE,
    letterhead=_PROVINCE,
    number="Số: 2874/QĐ-UBND",
    issued_on=date(2018, 12, 21),
    dpi=200,
    skew=0.5,
    blocks=(
        Text("QUYẾT ĐỊNH", centred=True, bold=True),
        Text(
            "Ban hành Quy trình số hóa hồ sơ,\nkết quả giải quyết thủ tục hành chính",
            centred=True,
            bold=True,
        ),
        Text("CHỦ TỊCH ỦY BAN NHÂN DÂN TỈNH KIÊN GIANG", centred=True, bold=True),
        Text("Căn cứ Luật Tổ chức chính quyền địa phương ngày 19 tháng 6 năm 2015;"),
        Text("Căn cứ Luật Lưu trữ ngày 11 tháng 11 năm 2011;"),
        Text(
            "Căn cứ Nghị định số 61/2018/NĐ-CP ngày 23 tháng 4 năm 2018 của Chính phủ về thực hiện "
            "cơ chế một cửa, một cửa liên thông trong giải quyết thủ tục hành chính;"
        ),
        Text("Theo đề nghị của Chánh Văn phòng Ủy ban nhân dân tỉnh."),
        Text("QUYẾT ĐỊNH:", centred=True, bold=True),
        Text(
            "Ban hành kèm theo Quyết định này Quy trình số hóa hồ sơ, kết quả giải quyết thủ tục "
            "hành chính áp dụng tại bộ phận một cửa các cấp trên địa bàn tỉnh.",
            lead="Điều 1. ",
        ),
        Text(
            "Bản quét phải là bản màu, độ phân giải tối thiểu 200 dpi, tỷ lệ 100% so với bản giấy; "
            "bản gốc không được tẩy xóa, chỉnh sửa trong quá trình số hóa.",
            lead="Điều 2. ",
        ),
        Text(
            "Công chức một cửa đối chiếu từng trang quét với bản giấy trước khi xác nhận; bản giấy "
            "được trả lại cho người nộp hoặc lưu theo quy định.",
            lead="Điều 3. ",
        ),
        Text(
            "Giấy tờ có dấu chỉ độ mật không được đưa vào máy quét của bộ phận một cửa. Trường hợp "
            "phát hiện sau khi quét, công chức báo ngay người quản trị hệ thống để cách ly và lập "
            "biên bản.",
            lead="Điều 4. ",
        ),
        Text(
            "Thời hạn bảo quản bản số hóa không ngắn hơn thời hạn bảo quản của hồ sơ giấy; việc "
            "hủy chỉ được thực hiện khi có quyết định của người có thẩm quyền và ý kiến của Hội "
            "đồng xác định giá trị tài liệu.",
            lead="Điều 5. ",
        ),
        Text(
            "Văn phòng Ủy ban nhân dân tỉnh kiểm tra việc thực hiện, định kỳ sáu tháng báo cáo Chủ "
            "tịch Ủy ban nhân dân tỉnh số lượng hồ sơ đã số hóa, tỷ lệ tài liệu được sử dụng lại "
            "và các sự cố đã xảy ra.",
            lead="Điều 6. ",
        ),
        Text(
            "Quyết định này có hiệu lực kể từ ngày ký. Chánh Văn phòng Ủy ban nhân dân tỉnh, Giám "
            "đốc các sở, Chủ tịch Ủy ban nhân dân các huyện, thị xã, thành phố chịu trách nhiệm "
            "thi hành Quyết định này./.",
            lead="Điều 7. ",
        ),
    ),
    recipients=(
        "Như Điều 7;",
        "Cục Kiểm soát thủ tục hành chính;",
        "Các Phó Chủ tịch;",
        "Lưu: VT, KSTTHC.",
    ),
    signer=("CHỦ TỊCH", "~", "Chủ tịch"),
    sentences=(
        "Bản quét phải là bản màu, độ phân giải tối thiểu 200 dpi, tỷ lệ 100% so với bản giấy",
        "Thời hạn bảo quản bản số hóa không ngắn hơn thời hạn bảo quản của hồ sơ giấy",
    ),
)

NOTICE = Paper(
    file="08-thong-bao-tap-huan.pdf",
    dossier="so-hoa",
    title="Thông báo tổ chức tập huấn quy trình số hóa hồ sơ",
    type_name="Thông báo",
    organ=_COMMITTEE,
    letterhead=_PROVINCE,
    number="Số: 27/TB-UBND",
    issued_on=date(2019, 1, 8),
    dpi=300,
    skew=0.25,
    blocks=(
        Text("THÔNG BÁO", centred=True, bold=True),
        Text("Tổ chức tập huấn quy trình số hóa hồ sơ", centred=True, bold=True),
        Text(
            "Thực hiện Quyết định số 2874/QĐ-UBND ngày 21 tháng 12 năm 2018 của Chủ tịch Ủy ban "
            "nhân dân tỉnh, Văn phòng Ủy ban nhân dân tỉnh thông báo như sau:"
        ),
        Text(
            "Công chức một cửa, văn thư và người làm lưu trữ của các sở, huyện; mỗi đơn vị cử hai "
            "người tham dự.",
            lead="1. Thành phần: ",
        ),
        Text(
            "Hai ngày, bắt đầu từ 07 giờ 30 phút ngày 22 tháng 01 năm 2019, tại hội trường của Ủy "
            "ban nhân dân tỉnh, thành phố Rạch Giá.",
            lead="2. Thời gian, địa điểm: ",
        ),
        Text(
            "Cách vận hành máy quét, kiểm tra chất lượng hình ảnh, nhập dữ liệu đặc tả của tài "
            "liệu, ký số và bàn giao hồ sơ vào lưu trữ cơ quan.",
            lead="3. Nội dung: ",
        ),
        Text(
            "Học viên mang theo máy tính xách tay và một tập hồ sơ giấy không thuộc danh mục bí "
            "mật nhà nước để thực hành.",
            lead="4. Chuẩn bị: ",
        ),
        Text("Đề nghị các đơn vị gửi danh sách trước ngày 15 tháng 01 năm 2019./."),
    ),
    recipients=("Các sở, ban, ngành cấp tỉnh;", "Ủy ban nhân dân các huyện;", "Lưu: VT, HC-TC."),
    signer=("TL. CHỦ TỊCH", "CHÁNH VĂN PHÒNG", "~", "Chánh Văn phòng"),
    sentences=(
        "Học viên mang theo máy tính xách tay và một tập hồ sơ giấy không thuộc danh mục bí mật "
        "nhà nước để thực hành.",
    ),
)
