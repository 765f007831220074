// Extensions of registry facts and of the resources that show money facts.

Alias: $sd = https://amana.example/fhir/StructureDefinition
Alias: $cs = https://amana.example/fhir/CodeSystem

Extension: HouseholdArea
Id: household-area
Title: "Area of the household"
Description: "The Location (area) in which the household lives."
Context: Group
* value[x] only Reference(Location)
* value[x] 1..1

Extension: PreferredPayPoint
Id: preferred-pay-point
Title: "Preferred pay point"
Description: "The pay point that the household asked for."
Context: Group
* value[x] only Reference(Location)
* value[x] 1..1

Extension: ReplacedBy
Id: replaced-by
Title: "Replaced by"
Description: "The household into which this one was merged; this one is inactive and stays as it is."
Context: Group
* value[x] only Reference(Group)
* value[x] 1..1

Extension: PaymentAccount
Id: payment-account
Title: "Payment account"
Description: "A mobile number or bank account at a registered provider, into which the household is paid."
Context: Group
* extension contains
    kind 1..1 and
    provider 1..1 and
    number 1..1 and
    holder 0..1 and
    preferred 0..1
* extension[kind].value[x] only code
* extension[kind].value[x] 1..1
* extension[kind].valueCode from AccountKind (required)
* extension[provider].value[x] only Reference(Organization)
* extension[provider].value[x] 1..1
* extension[number].value[x] only string
* extension[number].value[x] 1..1
* extension[holder].value[x] only string
* extension[holder].value[x] 1..1
* extension[preferred].value[x] only boolean
* extension[preferred].value[x] 1..1

Extension: MemberRole
Id: member-role
Title: "Role in the household"
Description: "What the member is to the household; one active member at most is its head."
Context: Group.member
* value[x] only code
* value[x] 1..1
* valueCode from MemberRole (required)

Extension: Collector
Id: collector
Title: "Collector"
Description: "The member who collects the household's money, or the alternate."
Context: Group.member
* value[x] only code
* value[x] 1..1
* valueCode from Collector (required)

Extension: Disability
Id: disability
Title: "Disability"
Description: "Whether the person lives with a disability; absent means not known, never no."
Context: Patient
* value[x] only boolean
* value[x] 1..1

Extension: MemberCharacteristic
Id: member-characteristic
Title: "Fact about a person"
Description: "A fact that rules of schemes may ask for, such as the school grade or a pregnancy; what is absent is not known. With a period it counts while the period lasts."
Context: Patient
* extension contains
    code 1..1 and
    value 1..1 and
    period 0..1
* extension[code].value[x] only code
* extension[code].value[x] 1..1
* extension[value].value[x] only boolean or decimal or integer or code or date or CodeableConcept
* extension[value].value[x] 1..1
* extension[period].value[x] only Period
* extension[period].value[x] 1..1

Extension: HouseholdsMax
Id: households-max
Title: "Households at most"
Description: "How many households a pay point can serve."
Context: Location
* value[x] only positiveInt
* value[x] 1..1

Extension: PaymentChannel
Id: payment-channel
Title: "Payment channel"
Description: "Name of the adapter that speaks to a provider, such as simulator or bank-file."
Context: Organization
* value[x] only code
* value[x] 1..1

Extension: SchemeRules
Id: scheme-rules
Title: "Rules of a scheme"
Description: "Who is eligible, how much, how often. A change makes a new version; versions in use are never edited."
Context: InsurancePlan
* extension contains
    frequency 1..1 and
    criterion 1..* and
    component 1..* and
    currency 0..1 and
    applies-from 0..1 and
    first-cycle 0..1 and
    calendar 0..1 and
    table 0..* and
    variable 0..* and
    member-variable 0..* and
    adjustment 0..* and
    rounding-unit 0..1 and
    rounding-mode 0..1 and
    minimum-payable 0..1 and
    ranking 0..1 and
    test-case 0..* and
    age-on 0..1 and
    recertify-months 0..1 and
    delivery 0..1 and
    time-zone 0..1 and
    draft-at 0..1
* extension[frequency].value[x] only code
* extension[frequency].value[x] 1..1
* extension[frequency].valueCode from PaymentFrequency (required)
* extension[criterion].value[x] only Expression
* extension[criterion].value[x] 1..1
* extension[criterion].valueExpression.language = #text/fhirpath
* extension[criterion].valueExpression.expression 1..1
* extension[variable].value[x] only Expression
* extension[variable].value[x] 1..1
* extension[variable].valueExpression.language = #text/fhirpath
* extension[variable].valueExpression.expression 1..1
* extension[variable].valueExpression.name 1..1
* extension[member-variable].value[x] only Expression
* extension[member-variable].value[x] 1..1
* extension[member-variable].valueExpression.language = #text/fhirpath
* extension[member-variable].valueExpression.expression 1..1
* extension[member-variable].valueExpression.name 1..1
* extension[adjustment].value[x] only Expression
* extension[adjustment].value[x] 1..1
* extension[adjustment].valueExpression.language = #text/fhirpath
* extension[adjustment].valueExpression.expression 1..1
* extension[adjustment].valueExpression.name 1..1
* extension[component].extension contains
    name 1..1 and
    description 0..1 and
    amount 1..1 and
    for 0..1 and
    when 0..1 and
    maximum 0..1 and
    order 0..1 and
    times 0..1
* extension[component].extension[name].value[x] only string
* extension[component].extension[name].value[x] 1..1
* extension[component].extension[description].value[x] only string
* extension[component].extension[description].value[x] 1..1
* extension[component].extension[amount].value[x] only Money or Expression
* extension[component].extension[amount].value[x] 1..1
* extension[component].extension[for].value[x] only Expression
* extension[component].extension[for].value[x] 1..1
* extension[component].extension[when].value[x] only Expression
* extension[component].extension[when].value[x] 1..1
* extension[component].extension[maximum].value[x] only positiveInt or Expression
* extension[component].extension[maximum].value[x] 1..1
* extension[component].extension[order].value[x] only code
* extension[component].extension[order].value[x] 1..1
* extension[component].extension[order].valueCode from MemberOrder (required)
* extension[component].extension[times].value[x] only integer or Expression
* extension[component].extension[times].value[x] 1..1
* extension[currency].value[x] only code
* extension[currency].value[x] 1..1
* extension[applies-from].value[x] only date
* extension[applies-from].value[x] 1..1
* extension[first-cycle].value[x] only date
* extension[first-cycle].value[x] 1..1
* extension[calendar].value[x] only string
* extension[calendar].value[x] 1..1
* extension[table].extension contains
    name 1..1 and
    rows 1..1
* extension[table].extension[name].value[x] only string
* extension[table].extension[name].value[x] 1..1
* extension[table].extension[rows].value[x] only string
* extension[table].extension[rows].value[x] 1..1
* extension[minimum-payable].value[x] only Money
* extension[minimum-payable].value[x] 1..1
* extension[ranking].extension contains
    score 1..1 and
    direction 1..1 and
    tie-breaker 0..* and
    within 0..1 and
    quota-table 0..1 and
    places 0..1 and
    reserve-percent 0..1
* extension[ranking].extension[score].value[x] only Expression
* extension[ranking].extension[score].value[x] 1..1
* extension[ranking].extension[score].valueExpression.language = #text/fhirpath
* extension[ranking].extension[score].valueExpression.expression 1..1
* extension[ranking].extension[direction].value[x] only code
* extension[ranking].extension[direction].value[x] 1..1
* extension[ranking].extension[direction].valueCode from RankDirection (required)
* extension[ranking].extension[tie-breaker].value[x] only Expression
* extension[ranking].extension[tie-breaker].value[x] 1..1
* extension[ranking].extension[tie-breaker].valueExpression.language = #text/fhirpath
* extension[ranking].extension[tie-breaker].valueExpression.expression 1..1
* extension[ranking].extension[within].value[x] only Expression
* extension[ranking].extension[within].value[x] 1..1
* extension[ranking].extension[within].valueExpression.language = #text/fhirpath
* extension[ranking].extension[within].valueExpression.expression 1..1
* extension[ranking].extension[quota-table].value[x] only string
* extension[ranking].extension[quota-table].value[x] 1..1
* extension[ranking].extension[places].value[x] only positiveInt
* extension[ranking].extension[places].value[x] 1..1
* extension[ranking].extension[reserve-percent].value[x] only decimal
* extension[ranking].extension[reserve-percent].value[x] 1..1
* extension[test-case].extension contains
    name 1..1 and
    period 0..1 and
    household 1..1 and
    decision 0..1 and
    amount 0..1 and
    component 0..*
* extension[test-case].extension[name].value[x] only string
* extension[test-case].extension[name].value[x] 1..1
* extension[test-case].extension[period].value[x] only string
* extension[test-case].extension[period].value[x] 1..1
* extension[test-case].extension[household].value[x] only string
* extension[test-case].extension[household].value[x] 1..1
* extension[test-case].extension[decision].value[x] only code
* extension[test-case].extension[decision].value[x] 1..1
* extension[test-case].extension[amount].value[x] only Money
* extension[test-case].extension[amount].value[x] 1..1
* extension[test-case].extension[component].extension contains
    name 1..1 and
    amount 1..1
* extension[test-case].extension[component].extension[name].value[x] only string
* extension[test-case].extension[component].extension[name].value[x] 1..1
* extension[test-case].extension[component].extension[amount].value[x] only Money
* extension[test-case].extension[component].extension[amount].value[x] 1..1
* extension[rounding-unit].value[x] only Money
* extension[rounding-unit].value[x] 1..1
* extension[rounding-mode].value[x] only code
* extension[rounding-mode].value[x] 1..1
* extension[rounding-mode].valueCode from RoundingMode (required)
* extension[recertify-months].value[x] only positiveInt
* extension[recertify-months].value[x] 1..1
* extension[age-on].value[x] only code
* extension[age-on].value[x] 1..1
* extension[age-on].valueCode from AgeOn (required)
* extension[delivery].value[x] only code
* extension[delivery].value[x] 1..1
* extension[delivery].valueCode from Delivery (required)
* extension[time-zone].value[x] only string
* extension[time-zone].value[x] 1..1
* extension[draft-at].value[x] only string
* extension[draft-at].value[x] 1..1

Extension: EnrolmentScheme
Id: enrolment-scheme
Title: "Scheme of the enrolment"
Description: "The scheme in which the household is enrolled."
Context: Coverage
* value[x] only Reference(InsurancePlan)
* value[x] 1..1

Extension: EnrolmentHousehold
Id: enrolment-household
Title: "Household of the enrolment"
Description: "The household that is enrolled."
Context: Coverage
* value[x] only Reference(Group)
* value[x] 1..1

Extension: EnrolmentState
Id: enrolment-state
Title: "State of the enrolment"
Description: "Where the enrolment stands in its lifecycle."
Context: Coverage
* value[x] only code
* value[x] 1..1
* valueCode from EnrolmentState (required)

Extension: EnrolmentReason
Id: enrolment-reason
Title: "Reason of the state"
Description: "Why the enrolment is in its state."
Context: Coverage
* value[x] only CodeableConcept or code
* value[x] 1..1
* value[x] from EnrolmentReason (required)

Extension: EnrolmentRank
Id: enrolment-rank
Title: "Place in the ranking"
Description: "The household's place when it was enrolled or put on the waiting list, the score it was ranked by, and the version of the rules."
Context: Coverage
* extension contains
    position 1..1 and
    score 0..1 and
    rules-version 0..1
* extension[position].value[x] only positiveInt
* extension[position].value[x] 1..1
* extension[score].value[x] only decimal
* extension[score].value[x] 1..1
* extension[rules-version].value[x] only positiveInt
* extension[rules-version].value[x] 1..1

Extension: EnrolmentRecertifiedOn
Id: enrolment-recertified-on
Title: "Confirmed on"
Description: "When somebody last confirmed the facts of the enrolled household."
Context: Coverage
* value[x] only date
* value[x] 1..1

Extension: RecipientBasis
Id: recipient-basis
Title: "Basis of the recipient"
Description: "collector: payroll follows the household's collector; declared: the beneficiary is paid."
Context: Coverage
* value[x] only code
* value[x] 1..1
* valueCode from RecipientBasis (required)

Extension: HoldPolicy
Id: hold-policy
Title: "Policy of a hold"
Description: "hard: nobody is paid while it stands; soft: an officer is warned."
Context: Flag
* value[x] only code
* value[x] 1..1
* valueCode from HoldPolicy (required)

Extension: PayrollState
Id: payroll-state
Title: "State of a payroll"
Description: "Where a payroll stands in its lifecycle."
Context: List
* value[x] only code
* value[x] 1..1
* valueCode from PayrollState (required)

Extension: PayrollScheme
Id: payroll-scheme
Title: "Scheme of a payroll"
Description: "The scheme that pays."
Context: List
* value[x] only Reference(InsurancePlan)
* value[x] 1..1

Extension: PayrollPeriod
Id: payroll-period
Title: "Payment period"
Description: "First and last day of the payment period."
Context: List
* value[x] only Period
* value[x] 1..1

Extension: PayrollLines
Id: payroll-lines
Title: "Lines of a payroll"
Description: "How many lines the payroll has."
Context: List
* value[x] only integer
* value[x] 1..1

Extension: PayrollAmount
Id: payroll-amount
Title: "Amount of a payroll"
Description: "Sum of the lines."
Context: List
* value[x] only Money
* value[x] 1..1

Extension: PayrollExcluded
Id: payroll-excluded
Title: "Exclusions of a payroll"
Description: "How many enrolments were left out, each with its reason."
Context: List
* value[x] only integer
* value[x] 1..1

Extension: ClaimHousehold
Id: claim-household
Title: "Household of a line"
Description: "The household to which the line is due."
Context: Claim
* value[x] only Reference(Group)
* value[x] 1..1

Extension: ClaimPayroll
Id: claim-payroll
Title: "Payroll of a line"
Description: "The payroll that the line stands on."
Context: Claim
* value[x] only Reference(List)
* value[x] 1..1

Extension: LineState
Id: line-state
Title: "State of a line"
Description: "Where the payment of a line stands."
Context: Claim
* value[x] only code
* value[x] 1..1
* valueCode from InstructionState (required)

Extension: LinePaid
Id: line-paid
Title: "What is paid of a line"
Description: "What the household has of a line that is not paid in full; the rest is owed still."
Context: Claim
* value[x] only Money
* value[x] 1..1

Extension: LineReason
Id: line-reason
Title: "Reason of a line's state"
Description: "Why a line was not paid."
Context: Claim
* value[x] only code
* value[x] 1..1

Extension: ExclusionReason
Id: exclusion-reason
Title: "Reason of an exclusion"
Description: "Why an enrolment was left out of a payroll."
Context: Claim
* value[x] only code
* value[x] 1..1
* valueCode from ExclusionReason (required)

Extension: AccountBalance
Id: account-balance
Title: "Balance of an account"
Description: "posted: what the account holds; available: less what is reserved."
Context: Account
* extension contains
    kind 1..1 and
    amount 1..1
* extension[kind].value[x] only code
* extension[kind].value[x] 1..1
* extension[kind].valueCode from BalanceKind (required)
* extension[amount].value[x] only Money
* extension[amount].value[x] 1..1

Extension: StatementLine
Id: statement-line
Title: "Line of a statement"
Description: "Where a line stands in the statement, what it says, and what follows from it."
Context: PaymentReconciliation.detail
* extension contains
    number 1..1 and
    result 1..1 and
    verdict 1..1 and
    exception 0..1 and
    kind 0..1 and
    open 0..1
* extension[number].value[x] only integer
* extension[number].value[x] 1..1
* extension[result].value[x] only code
* extension[result].value[x] 1..1
* extension[result].valueCode from StatementResult (required)
* extension[verdict].value[x] only code
* extension[verdict].value[x] 1..1
* extension[verdict].valueCode from LineVerdict (required)
* extension[exception].value[x] only string
* extension[exception].value[x] 1..1
* extension[kind].value[x] only code
* extension[kind].value[x] 1..1
* extension[kind].valueCode from ExceptionKind (required)
* extension[open].value[x] only boolean
* extension[open].value[x] 1..1

Extension: MatchedMember
Id: matched-member
Title: "Matched member"
Description: "A member of the family given, the registered Patient that may be the same person, and how likely."
Context: Bundle.entry.search
* extension contains
    given 1..1 and
    found 1..1 and
    score 1..1
* extension[given].value[x] only string
* extension[given].value[x] 1..1
* extension[found].value[x] only Reference(Patient)
* extension[found].value[x] 1..1
* extension[score].value[x] only decimal
* extension[score].value[x] 1..1
