import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.PerformanceOptionsEnum;
import ca.uhn.fhir.rest.api.EncodingEnum;
import ca.uhn.fhir.rest.api.MethodOutcome;
import ca.uhn.fhir.rest.api.PatchTypeEnum;
import ca.uhn.fhir.rest.api.PreferReturnEnum;
import ca.uhn.fhir.rest.api.SortSpec;
import ca.uhn.fhir.rest.client.api.IGenericClient;
import ca.uhn.fhir.rest.client.api.ServerValidationModeEnum;
import ca.uhn.fhir.rest.client.interceptor.BearerTokenAuthInterceptor;
import ca.uhn.fhir.rest.gclient.ICriterion;
import ca.uhn.fhir.rest.server.exceptions.PreconditionFailedException;
import ca.uhn.fhir.rest.server.exceptions.ResourceGoneException;
import ca.uhn.fhir.rest.server.exceptions.ResourceNotFoundException;
import ca.uhn.fhir.rest.server.exceptions.UnprocessableEntityException;
import java.math.BigDecimal;
import java.util.Set;
import java.util.HashSet;
import org.hl7.fhir.r4.model.*;

/**
 * Drives a FHIR server through HAPI's generic client, in JSON or XML: each step prints one line,
 * and the first that is not as it should be ends the program with an error.
 *
 * Arguments: base URL, token, json or xml.
 */
public class Client {
  static void check(String step, boolean right) {
    if (!right) throw new IllegalStateException(step);
    System.out.println(step);
  }

  public static void main(String[] args) {
    FhirContext context = FhirContext.forR4();
    context.setPerformanceOptions(PerformanceOptionsEnum.DEFERRED_MODEL_SCANNING);
    // ONCE: the client reads the CapabilityStatement first and refuses what is not R4.
    context.getRestfulClientFactory().setServerValidationMode(ServerValidationModeEnum.ONCE);
    context.getRestfulClientFactory().setSocketTimeout(60_000);
    IGenericClient client = context.newRestfulGenericClient(args[0]);
    client.registerInterceptor(new BearerTokenAuthInterceptor(args[1]));
    client.setEncoding(args[2].equals("xml") ? EncodingEnum.XML : EncodingEnum.JSON);
    String run = args[2] + System.nanoTime();

    CapabilityStatement metadata = client.capabilities().ofType(CapabilityStatement.class).execute();
    check("metadata", metadata.getFhirVersion() == Enumerations.FHIRVersion._4_0_1);

    Patient amina = new Patient();
    amina.addIdentifier().setSystem("urn:hapi").setValue(run);
    amina.addName().setFamily("Achieng").addGiven("Amina");
    amina.setGender(Enumerations.AdministrativeGender.FEMALE).setBirthDateElement(new DateType("1990-06"));
    MethodOutcome made = client.create().resource(amina).prefer(PreferReturnEnum.REPRESENTATION).execute();
    String id = made.getId().getIdPart();
    check("create", made.getCreated() && made.getId().getVersionIdPart().equals("1"));

    MethodOutcome again = client.create().resource(amina)
        .conditional().where(Patient.IDENTIFIER.exactly().systemAndCode("urn:hapi", run)).execute();
    check("conditional create", again.getId().getIdPart().equals(id));

    Patient read = client.read().resource(Patient.class).withId(id).execute();
    check("read", read.getBirthDateElement().getValueAsString().equals("1990-06"));

    read.setActive(true);
    MethodOutcome updated = client.update().resource(read).execute();
    check("update", updated.getId().getVersionIdPart().equals("2"));
    read.getMeta().setVersionId("1");
    try {
      client.update().resource(read).withAdditionalHeader("If-Match", "W/\"1\"").execute();
      check("stale update", false);
    } catch (PreconditionFailedException refused) {
      check("stale update refused", refused.getOperationOutcome() != null);
    }

    client.patch().withBody("[{\"op\":\"replace\",\"path\":\"/birthDate\",\"value\":\"1991-01-01\"}]")
        .withId(new IdType("Patient", id)).execute();
    Parameters patch = new Parameters();
    Parameters.ParametersParameterComponent operation = patch.addParameter().setName("operation");
    operation.addPart().setName("type").setValue(new CodeType("add"));
    operation.addPart().setName("path").setValue(new StringType("Patient"));
    operation.addPart().setName("name").setValue(new StringType("maritalStatus"));
    operation.addPart().setName("value").setValue(new CodeableConcept().setText("married"));
    client.patch().withFhirPatch(patch).withId(new IdType("Patient", id)).execute();
    Patient patched = client.read().resource(Patient.class).withId(id).execute();
    check("patch", patched.getMaritalStatus().getText().equals("married")
        && patched.getBirthDateElement().getValueAsString().equals("1991-01-01"));

    Bundle history = client.history().onInstance(new IdType("Patient", id)).returnBundle(Bundle.class).execute();
    check("history", history.getEntry().size() == 4);
    Patient first = client.read().resource(Patient.class).withIdAndVersion(id, "1").execute();
    check("vread", !first.hasActive());

    Observation height = new Observation();
    height.setStatus(Observation.ObservationStatus.FINAL).getCode().addCoding().setSystem("http://loinc.org").setCode("8302-2");
    height.setSubject(new Reference("Patient/" + id)).setValue(new Quantity()
        .setValue(new BigDecimal("1.60")).setUnit("m").setSystem("http://unitsofmeasure.org").setCode("m"));
    String heightId = client.create().resource(height).execute().getId().getIdPart();
    Observation kept = client.read().resource(Observation.class).withId(heightId).execute();
    check("decimal", kept.getValueQuantity().getValueElement().getValueAsString().equals("1.60"));

    Bundle found = client.search().forResource(Observation.class)
        .where(Observation.SUBJECT.hasChainedProperty(Patient.IDENTIFIER.exactly().systemAndCode("urn:hapi", run)))
        .and(Observation.VALUE_QUANTITY.greaterThan().number("1.5").andUnits("http://unitsofmeasure.org", "m"))
        .include(Observation.INCLUDE_SUBJECT).returnBundle(Bundle.class).execute();
    check("search", found.getEntry().size() == 2);
    Bundle posted = client.search().forResource(Patient.class)
        .where(Patient.NAME.matches().value("achi")).and(Patient.GENDER.exactly().code("female"))
        .sort(new SortSpec("family")).usingStyle(ca.uhn.fhir.rest.api.SearchStyleEnum.POST)
        .returnBundle(Bundle.class).execute();
    check("search by POST", !posted.getEntry().isEmpty());

    for (int n = 0; n < 12; n++) {
      Organization one = new Organization().setName("Org " + run + " " + n);
      client.create().resource(one).execute();
    }
    Set<String> seen = new HashSet<>();
    Bundle page = client.search().forResource(Organization.class).where(Organization.NAME.matches().value("Org " + run))
        .count(5).returnBundle(Bundle.class).execute();
    while (true) {
      page.getEntry().forEach(entry -> seen.add(entry.getResource().getIdElement().getIdPart()));
      if (page.getLink(Bundle.LINK_NEXT) == null) break;
      page = client.loadPage().next(page).execute();
    }
    check("paging", seen.size() == 12);

    Bundle transaction = new Bundle().setType(Bundle.BundleType.TRANSACTION);
    Patient child = new Patient();
    child.addName().setFamily("Achieng").addGiven("Otieno");
    transaction.addEntry().setFullUrl("urn:uuid:0b6dd0a9-0d8c-4a5e-8f5a-8b2a0a4f1c11").setResource(child)
        .getRequest().setMethod(Bundle.HTTPVerb.POST).setUrl("Patient");
    Group family = new Group().setType(Group.GroupType.PERSON).setActual(true);
    family.addMember().setEntity(new Reference("urn:uuid:0b6dd0a9-0d8c-4a5e-8f5a-8b2a0a4f1c11"));
    family.addMember().setEntity(new Reference("Patient?identifier=urn:hapi|" + run));
    transaction.addEntry().setResource(family).getRequest().setMethod(Bundle.HTTPVerb.POST).setUrl("Group");
    Bundle answered = client.transaction().withBundle(transaction).execute();
    check("transaction", answered.getEntry().stream().allMatch(entry -> entry.getResponse().getStatus().startsWith("201")));
    Group stored = client.read().resource(Group.class).withUrl(answered.getEntry().get(1).getResponse().getLocation()).execute();
    check("references", stored.getMember().get(1).getEntity().getReference().equals("Patient/" + id));

    Bundle everything = client.operation().onInstance(new IdType("Patient", id)).named("everything")
        .withNoParameters(Parameters.class).useHttpGet().returnResourceType(Bundle.class).execute();
    check("everything", everything.getEntry().size() >= 3);
    MethodOutcome validated = client.validate().resource(amina).execute();
    check("validate", validated.getOperationOutcome() != null);

    Patient wrong = new Patient();
    wrong.addContact();
    wrong.setManagingOrganization(new Reference("Patient/" + id));
    try {
      client.create().resource(wrong).execute();
      check("invalid create", false);
    } catch (UnprocessableEntityException refused) {
      OperationOutcome outcome = (OperationOutcome) refused.getOperationOutcome();
      check("invalid create refused", outcome.getIssueFirstRep().hasExpression());
    }

    client.delete().resourceById("Observation", heightId).execute();
    try {
      client.read().resource(Observation.class).withId(heightId).execute();
      check("deleted", false);
    } catch (ResourceGoneException gone) {
      check("deleted is gone", true);
    }
    try {
      client.read().resource(Patient.class).withId("never-was").execute();
      check("unknown", false);
    } catch (ResourceNotFoundException unknown) {
      check("unknown is not found", unknown.getOperationOutcome() != null);
    }
  }
}
