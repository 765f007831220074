// Search parameters beside HL7's.

Instance: binary-security-context
InstanceOf: SearchParameter
Usage: #definition
* url = "https://amana.example/fhir/SearchParameter/binary-security-context"
* name = "BinarySecurityContext"
* status = #active
* description = "The resource whose readers may read the Binary; our access rules are kept by it."
* code = #security-context
* base = #Binary
* type = #reference
* expression = "Binary.securityContext"

// IHE PDQm (ITI-78) asks for it under this name.
Instance: mothers-maiden-name
InstanceOf: SearchParameter
Usage: #definition
* url = "https://amana.example/fhir/SearchParameter/mothers-maiden-name"
* name = "MothersMaidenName"
* status = #active
* description = "The maiden name of the person's mother."
* code = #mothersMaidenName
* base = #Patient
* type = #string
* expression = "Patient.extension('http://hl7.org/fhir/StructureDefinition/patient-mothersMaidenName').value"
* xpathUsage = #normal
