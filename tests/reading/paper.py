"""Draws papers as they come from a scanner: made-up Vietnamese letters, nothing of a real person.

The letters are drawn with the Noto Sans that OCRmyPDF brings along, which has every Vietnamese
letter on every machine.
"""

import random
from importlib.resources import files
from pathlib import Path

import img2pdf
from PIL import Image, ImageDraw, ImageFilter, ImageFont

HEAD = "ỦY BAN NHÂN DÂN TỈNH\nCỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM\nĐộc lập - Tự do - Hạnh phúc"
SENTENCES = (
    "Căn cứ Luật Tổ chức chính quyền địa phương và Luật Lưu trữ hiện hành;",
    "Xét đề nghị của Giám đốc Sở Tài nguyên và Môi trường tại tờ trình số 390,",
    "Ủy ban nhân dân tỉnh quyết định phê duyệt kế hoạch sử dụng đất của huyện.",
    "Giao Văn phòng đăng ký đất đai chỉnh lý hồ sơ địa chính theo quy định.",
    "Thời hạn sử dụng đất là năm mươi năm kể từ ngày ký quyết định này.",
    "Hộ gia đình nộp tiền sử dụng đất vào kho bạc nhà nước trước ngày đến hạn.",
    "Thủ trưởng các đơn vị có liên quan chịu trách nhiệm thi hành quyết định.",
    "Hồ sơ gồm đơn đề nghị, bản vẽ, giấy tờ về nguồn gốc và biên bản họp.",
    "Kết quả được trả tại bộ phận một cửa trong thời hạn mười lăm ngày làm việc.",
    "Người nhận kiểm tra lại thông tin, ký nhận và lưu một bản tại cơ quan.",
)


def font(size: int) -> ImageFont.FreeTypeFont:
    """Noto Sans."""
    return ImageFont.truetype(str(files("ocrmypdf.data") / "NotoSans-Regular.ttf"), size)


def letter(number: int, sentences: int = 22) -> str:
    """The text of a letter; the same number gives the same letter."""
    chance = random.Random(number)
    body = [chance.choice(SENTENCES) for _ in range(sentences)]
    return "\n".join([HEAD, f"Số: {number}/QĐ-UBND", *body])


def page(
    text: str, *, dpi: int = 200, colour: bool = True, noise: bool = True, seed: int = 7
) -> Image.Image:
    """An A4 page with the text, a red seal where there is colour, and a scanner's grain."""
    width, height = round(8.27 * dpi), round(11.69 * dpi)
    image = Image.new("RGB", (width, height), (250, 249, 245))
    draw = ImageDraw.Draw(image)
    face, y = font(round(11 * dpi / 72)), round(0.8 * dpi)
    for line in text.split("\n"):
        draw.text((round(0.9 * dpi), y), line, font=face, fill=(25, 25, 30))
        y += round(0.34 * dpi)
    if colour:
        box = [width - round(2.6 * dpi), height - round(2 * dpi)]
        box += [box[0] + round(1.4 * dpi), box[1] + round(1.4 * dpi)]
        draw.ellipse(box, outline=(200, 30, 40), width=max(dpi // 40, 2))
    if noise:
        grain = Image.effect_noise((width // 2, height // 2), 14).resize((width, height))
        image = Image.blend(image, Image.merge("RGB", [grain] * 3), 0.05)
        image = image.filter(ImageFilter.GaussianBlur(0.5))
    return image if colour else image.convert("L")


def jpeg(image: Image.Image, path: Path, dpi: int = 200) -> Path:
    """Saves the page as the JPEG of a scanner."""
    image.save(path, format="JPEG", quality=85, dpi=(dpi, dpi))
    return path


def pdf(pictures: list[Path], path: Path, dpi: int = 200) -> Path:
    """Wraps pictures into a PDF, as a scanner does."""
    layout = img2pdf.get_fixed_dpi_layout_fun((dpi, dpi))
    path.write_bytes(img2pdf.convert([str(one) for one in pictures], layout_fun=layout))
    return path
