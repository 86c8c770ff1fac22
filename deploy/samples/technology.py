"""A work file: the province reports on its use of information technology."""

from datetime import date

from deploy.samples.paper import Paper, Table, Text

_PROVINCE = "ỦY BAN NHÂN DÂN\nTỈNH KIÊN GIANG"
_COMMITTEE = "Ủy ban nhân dân tỉnh Kiên Giang"

LETTER = Paper(
    file="06-cong-van-bao-cao.pdf",
    dossier="cong-nghe-thong-tin",
    title="Về việc báo cáo tình hình ứng dụng công nghệ thông tin năm 2018",
    type_name="Công văn",
    organ=_COMMITTEE,
    letterhead=_PROVINCE,
    number="Số: 1246/UBND-KGVX\nV/v báo cáo tình hình ứng dụng\ncông nghệ thông tin năm 2018",
    issued_on=date(2018, 11, 2),
    addressee="Các sở, ban, ngành cấp tỉnh;\nỦy ban nhân dân các huyện, thị xã, thành phố",
    dpi=200,
    skew=-0.6,
    blocks=(
        Text(
            "Để có cơ sở đánh giá kết quả ứng dụng công nghệ thông tin trong hoạt động của cơ quan "
            "nhà nước, Ủy ban nhân dân tỉnh yêu cầu các cơ quan, địa phương thực hiện các nội dung "
            "sau:"
        ),
        Text(
            "Rà soát số lượng máy chủ, máy trạm, thiết bị quét tại bộ phận một cửa; đối chiếu số "
            "liệu giữa sổ đăng ký văn bản giấy và phần mềm quản lý văn bản.",
            lead="1. ",
        ),
        Text(
            "Báo cáo số lượng chứng thư số đã được cấp, số văn bản đã ký số và phát hành trên hệ "
            "thống, nêu rõ nguyên nhân nếu chưa sử dụng.",
            lead="2. ",
        ),
        Text(
            "Gửi báo cáo bằng văn bản điện tử có ký số về Sở Thông tin và Truyền thông trước ngày "
            "20 tháng 11 năm 2018 để tổng hợp.",
            lead="3. ",
        ),
        Text(
            "Thủ trưởng các cơ quan, đơn vị chịu trách nhiệm về tính chính xác của số liệu báo "
            "cáo. Trong quá trình thực hiện, nếu có vướng mắc, đề nghị phản ánh kịp thời để được "
            "hướng dẫn./."
        ),
    ),
    recipients=("Như trên;", "Chủ tịch, các Phó Chủ tịch;", "Lưu: VT, KGVX."),
    signer=("TL. CHỦ TỊCH", "CHÁNH VĂN PHÒNG", "~", "Chánh Văn phòng"),
    sentences=(
        "đối chiếu số liệu giữa sổ đăng ký văn bản giấy và phần mềm quản lý văn bản.",
        "Thủ trưởng các cơ quan, đơn vị chịu trách nhiệm về tính chính xác của số liệu báo cáo.",
    ),
)

REPORT = Paper(
    file="05-bao-cao-390.pdf",
    dossier="cong-nghe-thong-tin",
    title="Báo cáo kết quả ứng dụng công nghệ thông tin trong hoạt động của cơ quan nhà nước "
    "năm 2018",
    type_name="Báo cáo",
    organ=_COMMITTEE,
    letterhead=_PROVINCE,
    number="Số: 390/BC-UBND",
    issued_on=date(2018, 12, 14),
    dpi=200,
    skew=0.8,
    blocks=(
        Text("BÁO CÁO", centred=True, bold=True),
        Text(
            "Kết quả ứng dụng công nghệ thông tin\ntrong hoạt động của cơ quan nhà nước năm 2018",
            centred=True,
            bold=True,
        ),
        Text("", lead="I. KẾT QUẢ THỰC HIỆN", indent=False),
        Text(
            "Cổng thông tin điện tử của tỉnh gồm một cổng chính và 37 cổng thành phần của các sở, "
            "ngành, huyện, thị xã, thành phố, vận hành từ năm 2013, cung cấp thông tin bằng hai "
            "ngôn ngữ.",
            lead="1. Cung cấp thông tin: ",
        ),
        Text(
            "Toàn tỉnh cung cấp 330 dịch vụ công trực tuyến mức độ 3 và 290 dịch vụ công trực "
            "tuyến mức độ 4; các dịch vụ còn lại ở mức độ 1 và mức độ 2. Số hồ sơ trực tuyến nhận "
            "được là 220 hồ sơ, chiếm tỷ lệ thấp so với khoảng 80.000 hồ sơ tiếp nhận trong năm.",
            lead="2. Dịch vụ công trực tuyến: ",
        ),
        Text(
            "Hệ thống một cửa điện tử đã triển khai tại 21 trên 22 sở và 15 trên 15 huyện; công "
            "chức tiếp nhận nhập hồ sơ, số hóa các giấy tờ kèm theo và luân chuyển theo quy trình "
            "đã ban hành. Kết quả được tra cứu qua tổng đài tin nhắn, cổng dịch vụ công và máy tra "
            "cứu đặt tại bộ phận một cửa.",
            lead="3. Một cửa điện tử: ",
        ),
        Text(
            "Phần mềm quản lý văn bản và hồ sơ công việc được kết nối liên thông từ tỉnh đến xã; "
            "trong năm có trên 650.000 lượt gửi nhận văn bản điện tử. Tỷ lệ văn bản trao đổi hoàn "
            "toàn dưới dạng điện tử đạt 50%, tỷ lệ văn bản gửi song song bản giấy và bản điện tử "
            "đạt 70%.",
            lead="4. Quản lý văn bản: ",
        ),
        Table(
            (0.1, 0.5, 0.2, 0.2),
            (
                ("TT", "Chỉ tiêu", "Kế hoạch", "Kết quả"),
                ("1", "Sở, ngành có một cửa điện tử", "22", "21"),
                ("2", "Huyện có một cửa điện tử", "15", "15"),
                ("3", "Dịch vụ công mức độ 3", "330", "330"),
                ("4", "Dịch vụ công mức độ 4", "290", "290"),
                ("5", "Cơ quan có mạng nội bộ", "100%", "100%"),
            ),
        ),
        Text(
            "Tỉnh có 22 điểm cầu hội nghị truyền hình, trên 20% cuộc họp được tổ chức trực tuyến; "
            "hệ thống camera giám sát được lắp đặt tại 37 điểm tiếp nhận và trả kết quả.",
            lead="5. Hội nghị truyền hình: ",
        ),
        Text(
            "Toàn bộ cán bộ, công chức, viên chức cấp tỉnh và cấp huyện được cấp hộp thư điện tử "
            "công vụ; tỷ lệ sử dụng thường xuyên trong công việc ngày càng tăng.",
            lead="6. Thư điện tử công vụ: ",
        ),
        Text(
            "Trung tâm dữ liệu của tỉnh được trang bị tường lửa và thiết bị phát hiện xâm nhập, "
            "trong năm không để xảy ra sự cố làm gián đoạn dịch vụ.",
            lead="7. An toàn thông tin: ",
        ),
        Text("", lead="II. TỒN TẠI, HẠN CHẾ", indent=False),
        Text(
            "Thói quen làm việc trên giấy còn phổ biến; một số cơ quan sử dụng song song nhiều "
            "phần mềm, dữ liệu chưa được chia sẻ và sử dụng lại. Chưa có quy định rõ ràng về lưu "
            "trữ hồ sơ điện tử và giá trị pháp lý của văn bản điện tử.",
            lead="1. Về tổ chức: ",
        ),
        Text(
            "Việc ứng dụng chữ ký số chưa đồng đều giữa các cơ quan; nhiều đơn vị đã được cấp "
            "chứng thư số nhưng chưa sử dụng thường xuyên.",
            lead="2. Về chữ ký số: ",
        ),
        Text(
            "Số lượng hồ sơ nộp trực tuyến còn ít do người dân chưa quen sử dụng, công tác tuyên "
            "truyền chưa sâu rộng.",
            lead="3. Về dịch vụ công: ",
        ),
        Text("", lead="III. NHIỆM VỤ NĂM 2019", indent=False),
        Text(
            "Đưa Trung tâm Phục vụ hành chính công của tỉnh vào hoạt động trong quý I năm 2019; "
            "hoàn thành trục liên thông văn bản và nền tảng chia sẻ dữ liệu của tỉnh.",
            lead="1. ",
        ),
        Text(
            "Số hóa kết quả giải quyết thủ tục hành chính còn hiệu lực, trước hết trong các lĩnh "
            "vực đất đai, hộ tịch và đăng ký kinh doanh.",
            lead="2. ",
        ),
        Text(
            "Tổ chức đào tạo, bồi dưỡng kỹ năng an toàn thông tin cho công chức chuyên trách các "
            "cấp; bố trí kinh phí duy trì hoạt động của các hệ thống dùng chung.",
            lead="3. ",
        ),
        Text(
            "Trên đây là báo cáo kết quả ứng dụng công nghệ thông tin năm 2018 của Ủy ban nhân dân "
            "tỉnh Kiên Giang./."
        ),
    ),
    recipients=(
        "Bộ Thông tin và Truyền thông;",
        "Thường trực Tỉnh ủy;",
        "Các sở, ban, ngành cấp tỉnh;",
        "Ủy ban nhân dân các huyện, thành phố;",
        "Lưu: VT, KGVX.",
    ),
    annex=(
        Text("PHỤ LỤC", centred=True, bold=True),
        Text(
            "Số liệu hạ tầng và nhân lực công nghệ thông tin năm 2018\n"
            "(Kèm theo Báo cáo số 390/BC-UBND của Ủy ban nhân dân tỉnh)",
            centred=True,
        ),
        Table(
            (0.08, 0.62, 0.3),
            (
                ("TT", "Nội dung", "Số liệu"),
                ("1", "Hộp thư điện tử công vụ", "trên 6.000"),
                ("2", "Điểm cầu hội nghị truyền hình", "22"),
                ("3", "Số cuộc họp trực tuyến", "104"),
                ("4", "Lượt người dự họp trực tuyến", "35.027"),
                ("5", "Điểm có camera giám sát một cửa", "37"),
                ("6", "Kênh truyền số liệu chuyên dùng", "37"),
                ("7", "Cán bộ chuyên trách công nghệ thông tin", "trên 70"),
                ("8", "Đội ứng cứu sự cố an toàn thông tin", "01"),
                ("9", "Văn bản đi trên phần mềm của Văn phòng", "9.167"),
                ("10", "Văn bản đi trong sổ đăng ký giấy", "9.955"),
            ),
        ),
        Text(
            "Số văn bản đi trên phần mềm thấp hơn số văn bản trong sổ đăng ký giấy; Văn phòng Ủy "
            "ban nhân dân tỉnh đang rà soát nguyên nhân chênh lệch.",
            lead="Ghi chú: ",
        ),
    ),
    signer=("TM. ỦY BAN NHÂN DÂN", "KT. CHỦ TỊCH", "PHÓ CHỦ TỊCH", "~", "Phó Chủ tịch"),
    sentences=(
        "Toàn tỉnh cung cấp 330 dịch vụ công trực tuyến mức độ 3 và 290 dịch vụ công trực tuyến "
        "mức độ 4",
        "Tỷ lệ văn bản trao đổi hoàn toàn dưới dạng điện tử đạt 50%",
        "Thói quen làm việc trên giấy còn phổ biến; một số cơ quan sử dụng song song nhiều phần "
        "mềm, dữ liệu chưa được chia sẻ và sử dụng lại.",
        "Số hóa kết quả giải quyết thủ tục hành chính còn hiệu lực, trước hết trong các lĩnh vực "
        "đất đai, hộ tịch và đăng ký kinh doanh.",
        "Số văn bản đi trên phần mềm thấp hơn số văn bản trong sổ đăng ký giấy",
    ),
)
