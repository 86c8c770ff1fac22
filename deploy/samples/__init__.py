"""Sample scans for tests and the demo: pages laid out after ND 30/2020, printed and scanned.

`python -m deploy.samples OUT_DIR` writes three dossiers of two agencies and `samples.json`, the
same bytes each time. Nobody named here exists, no seal is drawn, and each paper is stamped as a
sample. The figures of the report are those that a province published.
"""
