/*
 * HL7's reference validator (as HAPI packs it), asked from tests and never part of the server.
 *
 *   java -cp 'lib/*' Oracle.java < requests > verdicts
 *
 * A request is a line of fields parted by tabs; the program keeps what `load` brought:
 *   load FILE            a conformance resource (or a Bundle of them), from then on known
 *   check FILE PROFILE…  a resource, and profiles beside those that it declares
 *   forget               what `load` brought is known no longer
 * A verdict is a line `issue FILE SEVERITY MESSAGE-ID LOCATION MESSAGE`, and `done FILE` after the last.
 * No network: only R4 core from the jars, and what was loaded. Codes that cannot be looked up pass.
 */

import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.DefaultProfileValidationSupport;
import ca.uhn.fhir.validation.FhirValidator;
import ca.uhn.fhir.validation.SingleValidationMessage;
import ca.uhn.fhir.validation.ValidationOptions;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.hl7.fhir.common.hapi.validation.support.CommonCodeSystemsTerminologyService;
import org.hl7.fhir.common.hapi.validation.support.InMemoryTerminologyServerValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.PrePopulatedValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.SnapshotGeneratingValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.ValidationSupportChain;
import org.hl7.fhir.common.hapi.validation.validator.FhirInstanceValidator;
import org.hl7.fhir.instance.model.api.IBaseResource;
import org.hl7.fhir.r4.model.Bundle;
import org.hl7.fhir.r5.utils.validation.constants.BestPracticeWarningLevel;

public class Oracle {
  static final FhirContext R4 = FhirContext.forR4();
  static final DefaultProfileValidationSupport CORE = new DefaultProfileValidationSupport(R4);
  static PrePopulatedValidationSupport loaded = new PrePopulatedValidationSupport(R4);
  static FhirValidator validator;

  public static void main(String[] args) throws Exception {
    PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    System.setOut(System.err); // the libraries may talk; the verdicts are ours
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      String[] words = line.split("\t");
      switch (words[0]) {
        case "load" -> load(words[1]);
        case "forget" -> {
          loaded = new PrePopulatedValidationSupport(R4);
          validator = null;
        }
        case "check" -> check(words, out);
        default -> throw new IllegalArgumentException("unknown request " + words[0]);
      }
    }
  }

  static String read(String file) throws Exception {
    String text = Files.readString(Path.of(file), StandardCharsets.UTF_8);
    return text.startsWith("\ufeff") ? text.substring(1) : text;
  }

  static void load(String file) throws Exception {
    IBaseResource resource = R4.newJsonParser().parseResource(read(file));
    if (resource instanceof Bundle bundle) {
      bundle.getEntry().forEach(entry -> loaded.addResource(entry.getResource()));
    } else {
      loaded.addResource(resource);
    }
    validator = null;
  }

  static FhirValidator validator() {
    if (validator != null) return validator;
    InMemoryTerminologyServerValidationSupport terminology =
        new InMemoryTerminologyServerValidationSupport(R4);
    ValidationSupportChain chain = new ValidationSupportChain(
        loaded, CORE, terminology, new CommonCodeSystemsTerminologyService(R4),
        new SnapshotGeneratingValidationSupport(R4));
    FhirInstanceValidator module = new FhirInstanceValidator(chain);
    module.setAnyExtensionsAllowed(true);
    module.setErrorForUnknownProfiles(false);
    module.setNoTerminologyChecks(false);
    module.setAssumeValidRestReferences(true);
    module.setBestPracticeWarningLevel(BestPracticeWarningLevel.Hint);
    validator = R4.newValidator();
    validator.registerValidatorModule(module);
    return validator;
  }

  static void check(String[] words, PrintStream out) throws Exception {
    ValidationOptions options = new ValidationOptions();
    for (int at = 2; at < words.length; at++) options.addProfile(words[at]);
    try {
      var result = validator().validateWithResult(read(words[1]), options);
      for (SingleValidationMessage message : result.getMessages()) {
        print(out, words[1], message.getSeverity().getCode(), message.getMessageId(),
            message.getLocationString(), message.getMessage());
      }
    } catch (RuntimeException failure) {
      print(out, words[1], "fatal", "exception", "", failure.getMessage());
    }
    out.println("done\t" + words[1]);
  }

  static void print(PrintStream out, String... fields) {
    StringBuilder line = new StringBuilder("issue");
    for (String field : fields) {
      line.append('\t').append(field == null ? "" : field.replaceAll("\\s+", " "));
    }
    out.println(line);
  }
}
