import eu.europa.esig.dss.enumerations.Indication;
import eu.europa.esig.dss.model.DSSDocument;
import eu.europa.esig.dss.model.FileDocument;
import eu.europa.esig.dss.simplereport.SimpleReport;
import eu.europa.esig.dss.spi.DSSUtils;
import eu.europa.esig.dss.spi.validation.CommonCertificateVerifier;
import eu.europa.esig.dss.spi.x509.CommonTrustedCertificateSource;
import eu.europa.esig.dss.spi.x509.revocation.crl.ExternalResourcesCRLSource;
import eu.europa.esig.dss.validation.SignedDocumentValidator;
import java.io.ByteArrayInputStream;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * Validates the signatures of PDFs with EU DSS, offline: nothing is fetched, what counts are the
 * given roots and revocation lists and what a file itself brings along.
 *
 * <p>{@code ValidatePdf ROOT.pem [LIST.crl...] FILE.pdf...} writes for each PDF a line of three
 * fields with tabs between them: {@code accepted} or {@code rejected}, the file, the reasons. A PDF
 * is accepted when it has a signature and each one of them is TOTAL_PASSED.
 */
public final class ValidatePdf {
  /** Lowered to a warning by the default policy, which so passes a page painted over. */
  private static final String[] MUST_FAIL = {"UndefinedChanges", "PdfVisualDifference"};

  public static void main(String[] arguments) throws IOException {
    CommonTrustedCertificateSource roots = new CommonTrustedCertificateSource();
    roots.addCertificate(DSSUtils.loadCertificate(new File(arguments[0])));
    List<String> files = new ArrayList<>();
    List<DSSDocument> lists = new ArrayList<>();
    for (String argument : List.of(arguments).subList(1, arguments.length)) {
      if (argument.endsWith(".crl")) {
        lists.add(new FileDocument(argument));
      } else {
        files.add(argument);
      }
    }
    CommonCertificateVerifier verifier = new CommonCertificateVerifier();
    verifier.setAIASource(null);
    verifier.setOcspSource(null);
    verifier.setCrlSource(new ExternalResourcesCRLSource(lists.toArray(new DSSDocument[0])));
    verifier.setTrustedCertSources(roots);
    byte[] policy = policy();
    for (String file : files) {
      List<String> reasons = new ArrayList<>();
      boolean accepted = false;
      try {
        accepted = validate(file, verifier, policy, reasons);
      } catch (RuntimeException unreadable) {
        reasons.add(unreadable.toString());
      }
      String said = String.join("; ", reasons).replaceAll("\\s+", " ");
      System.out.println((accepted ? "accepted" : "rejected") + "\t" + file + "\t" + said);
    }
  }

  private static boolean validate(
      String file, CommonCertificateVerifier verifier, byte[] policy, List<String> reasons) {
    SignedDocumentValidator validator =
        SignedDocumentValidator.fromDocument(new FileDocument(file));
    validator.setCertificateVerifier(verifier);
    SimpleReport report =
        validator.validateDocument(new ByteArrayInputStream(policy)).getSimpleReport();
    boolean accepted = !report.getSignatureIdList().isEmpty();
    if (!accepted) {
      reasons.add("no signature");
    }
    for (String signature : report.getSignatureIdList()) {
      Indication indication = report.getIndication(signature);
      accepted &= indication == Indication.TOTAL_PASSED;
      reasons.add(
          report.getSignatureFormat(signature)
              + " by " + report.getSignedBy(signature)
              + " " + indication
              + " " + report.getSubIndication(signature));
      report.getAdESValidationErrors(signature).forEach(error -> reasons.add(error.getValue()));
    }
    return accepted;
  }

  private static byte[] policy() throws IOException {
    String policy;
    try (var resource = ValidatePdf.class.getResourceAsStream("/policy/constraint.xml")) {
      policy = new String(resource.readAllBytes(), StandardCharsets.UTF_8);
    }
    for (String name : MUST_FAIL) {
      String stricter =
          policy.replace("<" + name + " Level=\"WARN\" />", "<" + name + " Level=\"FAIL\" />");
      if (stricter.equals(policy)) {
        throw new IllegalStateException("the default policy has changed: " + name);
      }
      policy = stricter;
    }
    return policy.getBytes(StandardCharsets.UTF_8);
  }
}
