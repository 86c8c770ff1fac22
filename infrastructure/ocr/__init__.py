"""Reading paper: the port `PaperReader` over OCRmyPDF and Tesseract, in a sandbox."""
