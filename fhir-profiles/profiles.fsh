// Profiles of what registries send and of what the rooms show. A resource that does not declare one
// of them is stored as plain R4.

Profile: Household
Parent: Group
Id: household
Title: "Household"
Description: "People who live and eat together and are paid together."
* type = #person
* actual = true
* member 1..*
* member.entity only Reference(Patient)
* member.extension contains MemberRole named role 0..1 and Collector named collector 0..1
* extension contains
    HouseholdArea named area 0..1 and
    PreferredPayPoint named payPoint 0..1 and
    PaymentAccount named account 0..* and
    ReplacedBy named replacedBy 0..1
* obeys household-one-head and household-one-collector

Invariant: household-one-head
Description: "A household has one active head at most: end the role of the former one, or make them inactive."
Severity: #error
Expression: "member.where(extension('https://amana.example/fhir/StructureDefinition/member-role').value = 'head').where(inactive.empty() or inactive = false).count() <= 1"

Invariant: household-one-collector
Description: "One active member at most collects the household's money: make the others alternates."
Severity: #error
Expression: "member.where(extension('https://amana.example/fhir/StructureDefinition/collector').value = 'primary').where(inactive.empty() or inactive = false).count() <= 1"

Profile: Member
Parent: Patient
Id: member
Title: "Member"
Description: "A person known to the registry; identifiers of members are unique."
* name 1..*
* extension contains
    Disability named disability 0..1 and
    MemberCharacteristic named member-characteristic 0..*

Profile: Area
Parent: Location
Id: area
Title: "Area"
Description: "An administrative area; areas form a hierarchy by partOf."
* name 1..1
* type 1..*

Profile: PayPoint
Parent: Location
Id: pay-point
Title: "Pay point"
Description: "A place where a provider pays households."
* name 1..1
* type 1..*
* managingOrganization 1..1
* extension contains HouseholdsMax named householdsMax 0..1

Profile: Provider
Parent: Organization
Id: provider
Title: "Payment service provider"
Description: "An organization that pays households; only registered, active ones disburse."
* name 1..1
* type 1..*
* extension contains PaymentChannel named channel 0..1

Profile: Scheme
Parent: InsurancePlan
Id: scheme
Title: "Scheme"
Description: "A cash transfer scheme with its rules."
* name 1..1
* extension contains SchemeRules named rules 0..1

Profile: Enrolment
Parent: Coverage
Id: enrolment
Title: "Enrolment"
Description: "A household in a scheme, with a state and the reason for it."
* extension contains
    EnrolmentScheme named scheme 1..1 and
    EnrolmentHousehold named household 1..1 and
    EnrolmentState named state 1..1 and
    EnrolmentReason named reason 0..1 and
    EnrolmentRank named rank 0..1 and
    EnrolmentRecertifiedOn named recertifiedOn 0..1 and
    RecipientBasis named recipientBasis 0..1
* obeys enrolment-reason-given

Invariant: enrolment-reason-given
Description: "An enrolment that is suspended, graduated or exited says why: give the extension enrolment-reason."
Severity: #error
Expression: "extension('https://amana.example/fhir/StructureDefinition/enrolment-state').value.where($this in ('suspended' | 'graduated' | 'exited')).empty() or extension('https://amana.example/fhir/StructureDefinition/enrolment-reason').exists()"

Profile: Hold
Parent: Flag
Id: hold
Title: "Hold"
Description: "Stops or warns about payments to a household or one of its members."
* subject only Reference(Patient or Group)
* extension contains HoldPolicy named policy 0..1

Profile: Payroll
Parent: List
Id: payroll
Title: "Payroll"
Description: "A run of a scheme for a payment period; its lines are found by Claim?_list=."
* extension contains
    PayrollState named state 1..1 and
    PayrollScheme named scheme 1..1 and
    PayrollPeriod named period 1..1 and
    PayrollKindExtension named kind 0..1 and
    PayrollStep named step 0..1 and
    PayrollLines named lines 1..1 and
    PayrollAmount named amount 1..1 and
    PayrollExcluded named excluded 1..1

Profile: PayrollLine
Parent: Claim
Id: payroll-line
Title: "Payroll line"
Description: "What is due to a household in a payment period; items explain the amount line by line."
* item 1..*
* total 1..1
* extension contains
    ClaimHousehold named household 1..1 and
    ClaimPayroll named payroll 1..1 and
    LineState named state 1..1 and
    LineReason named reason 0..1 and
    LinePaid named paid 0..1

Profile: PayrollExclusion
Parent: Claim
Id: payroll-exclusion
Title: "Payroll exclusion"
Description: "An enrolment that was left out of a payroll, with the reason."
* status = #cancelled
* extension contains
    ClaimHousehold named household 1..1 and
    ClaimPayroll named payroll 1..1 and
    ExclusionReason named reason 1..1

Profile: Instruction
Parent: ClaimResponse
Id: instruction
Title: "Instruction and outcome"
Description: "An order to pay and what became of it."
* identifier 1..*
* disposition 1..1

Profile: TransferAccount
Parent: Account
Id: transfer-account
Title: "Ledger account"
Description: "An account of the double-entry ledger."
* extension contains AccountBalance named balance 1..*

Profile: Statement
Parent: PaymentReconciliation
Id: statement
Title: "Provider statement"
Description: "What a provider says that it has paid."
* paymentIssuer 1..1
* detail.extension contains StatementLine named line 0..1

Profile: Indicator
Parent: Measure
Id: indicator
Title: "Indicator"
Description: "A figure that is reported by area, sex, age and month."

Profile: IndicatorReport
Parent: MeasureReport
Id: indicator-report
Title: "Indicator report"
Description: "An indicator in a period and an area."

Profile: TrailEvent
Parent: AuditEvent
Id: trail-event
Title: "Trail event"
Description: "Who did what, when; sealed in chained blocks."

Profile: Compliance
Parent: Observation
Id: compliance
Title: "Condition met or not"
Description: "Whether a person, or a household, met a condition of a scheme in a month; a correction is another version of the same Observation."
* category 1..*
* code 1..1
* subject 1..1
* subject only Reference(Patient or Group)
* effective[x] 1..1
* effective[x] only Period or dateTime
* value[x] only CodeableConcept
* value[x] 1..1
* valueCodeableConcept from ComplianceOutcome (required)
