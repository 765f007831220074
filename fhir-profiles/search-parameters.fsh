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
