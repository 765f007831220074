// Code systems and value sets. A value set of the same name holds all codes of its system, but for
// account-kind: an account is never cash.

CodeSystem: AccountKindCodes
Id: account-kind
Title: "Kind of account"
Description: "Kind of account."
* ^experimental = false
* ^caseSensitive = true
* ^content = #complete
* #mobile "Mobile number"
* #bank "Bank account"
* #cash "Cash at a pay point"

ValueSet: AccountKind
Id: account-kind
Title: "Kind of account"
Description: "Kinds of account that a household may have; cash needs none."
* ^experimental = false
* AccountKindCodes#mobile
* AccountKindCodes#bank

CodeSystem: MemberRoleCodes
Id: member-role
Title: "Role in the household"
Description: "Role in the household."
* ^experimental = false
* ^caseSensitive = true
* ^content = #complete
* #head "Head"
* #spouse "Spouse"
* #child "Child"
* #parent "Parent"
* #grandparent "Grandparent"
* #grandchild "Grandchild"
* #sibling "Sibling"
* #other-relative "Other relative"
* #non-relative "Non relative"

ValueSet: MemberRole
Id: member-role
Title: "Role in the household"
Description: "Role in the household."
* ^experimental = false
* include codes from system MemberRoleCodes

CodeSystem: CollectorCodes
Id: collector
Title: "Collector"
Description: "Collector."
* ^experimental = false
* ^caseSensitive = true
* ^content = #complete
* #primary "Collects the money"
* #alternate "Collects when the collector cannot"

ValueSet: Collector
Id: collector
Title: "Collector"
Description: "Collector."
* ^experimental = false
* include codes from system CollectorCodes

CodeSystem: PaymentFrequencyCodes
Id: payment-frequency
Title: "How often a scheme pays"
Description: "How often a scheme pays."
* ^experimental = false
* ^caseSensitive = true
* ^content = #complete
* #monthly "Monthly"
* #two-monthly "Two-monthly"
* #quarterly "Quarterly"
* #four-monthly "Four-monthly"
* #half-yearly "Half-yearly"
* #yearly "Yearly"
* #weekly "Weekly"
* #two-weekly "Two-weekly"
* #calendar "In the periods that its calendar lists"

ValueSet: PaymentFrequency
Id: payment-frequency
Title: "How often a scheme pays"
Description: "How often a scheme pays."
* ^experimental = false
* include codes from system PaymentFrequencyCodes

CodeSystem: EnrolmentStateCodes
Id: enrolment-state
Title: "State of an enrolment"
Description: "State of an enrolment."
* ^experimental = false
* ^caseSensitive = true
* ^content = #complete
* #applied "Applied"
* #eligible "Eligible"
* #waiting "Waiting"
* #enrolled "Enrolled"
* #suspended "Suspended"
* #graduated "Graduated"
* #exited "Exited"

ValueSet: EnrolmentState
Id: enrolment-state
Title: "State of an enrolment"
Description: "State of an enrolment."
* ^experimental = false
* include codes from system EnrolmentStateCodes

CodeSystem: RecipientBasisCodes
Id: recipient-basis
Title: "Basis of the recipient"
Description: "Basis of the recipient."
* ^experimental = false
* ^caseSensitive = true
* ^content = #complete
* #collector "The household’s collector"
* #declared "Named by the enrolment"

ValueSet: RecipientBasis
Id: recipient-basis
Title: "Basis of the recipient"
Description: "Basis of the recipient."
* ^experimental = false
* include codes from system RecipientBasisCodes

CodeSystem: HoldPolicyCodes
Id: hold-policy
Title: "Policy of a hold"
Description: "Policy of a hold."
* ^experimental = false
* ^caseSensitive = true
* ^content = #complete
* #soft "Warns an officer"
* #hard "Nobody is paid"

ValueSet: HoldPolicy
Id: hold-policy
Title: "Policy of a hold"
Description: "Policy of a hold."
* ^experimental = false
* include codes from system HoldPolicyCodes

CodeSystem: PayrollStateCodes
Id: payroll-state
Title: "State of a payroll"
Description: "State of a payroll."
* ^experimental = false
* ^caseSensitive = true
* ^content = #complete
* #drafted "Drafted"
* #returned "Returned to the maker"
* #approved "Approved"
* #closed "Closed"
* #rejected "Rejected"
* #cancelled "Cancelled"

ValueSet: PayrollState
Id: payroll-state
Title: "State of a payroll"
Description: "State of a payroll."
* ^experimental = false
* include codes from system PayrollStateCodes

CodeSystem: InstructionStateCodes
Id: instruction-state
Title: "State of an instruction or line"
Description: "State of an instruction or line."
* ^experimental = false
* ^caseSensitive = true
* ^content = #complete
* #drafted "Drafted"
* #approved "Approved"
* #sent "Sent"
* #paid "Paid"
* #not-paid "Not-paid"
* #partly-paid "Paid in part; the rest is owed"
* #unknown "Unknown"
* #cancelled "Cancelled"
* #returned "Paid, and all of it came back"

ValueSet: InstructionState
Id: instruction-state
Title: "State of an instruction or line"
Description: "State of an instruction or line."
* ^experimental = false
* include codes from system InstructionStateCodes

CodeSystem: ExclusionReasonCodes
Id: exclusion-reason
Title: "Why an enrolment is not on a payroll"
Description: "Why an enrolment is not on a payroll."
* ^experimental = false
* ^caseSensitive = true
* ^content = #complete
* #hold "Hold"
* #not-eligible "Not eligible"
* #undetermined "Undetermined"
* #enrolment-suspended "Enrolment suspended"
* #household-inactive "Household inactive"
* #no-collector "No collector"
* #collector-deceased "Collector deceased"
* #no-account "No account"
* #no-pay-point "No pay point"
* #provider-inactive "Provider inactive"
* #zero-amount "Zero amount"
* #over-limit "Over limit"
* #already-paid-period "Already paid period"
* #not-enrolled "Not enrolled any more"
* #waiting-list "Waits for a place"
* #exited "Has left the scheme"
* #graduated "Has graduated from the scheme"
* #line-rejected "Rejected by an approver"
* #line-cancelled "Cancelled before it was sent"
* #not-corrected "Account not corrected since it failed"
* #in-doubt "What became of it is in doubt"
* #overpaid "More was granted than is due"

ValueSet: ExclusionReason
Id: exclusion-reason
Title: "Why an enrolment is not on a payroll"
Description: "Why an enrolment is not on a payroll."
* ^experimental = false
* include codes from system ExclusionReasonCodes

CodeSystem: NonPaymentReasonCodes
Id: non-payment-reason
Title: "Why money was not paid"
Description: "Why money was not paid."
* ^experimental = false
* ^caseSensitive = true
* ^content = #complete
* #recipient_not_registered "Recipient not registered"
* #recipient_invalid "Recipient invalid"
* #recipient_limit "Recipient limit"
* #recipient_blocked "Recipient blocked"
* #name_mismatch "Name mismatch"
* #amount_out_of_range "Amount out of range"
* #currency_not_supported "Currency not supported"
* #payer_funds "Payer funds"
* #payer_configuration "Payer configuration"
* #provider_down "Provider down"
* #expired_unclaimed "Expired unclaimed"
* #not_collected "Not collected"
* #refused "Refused"
* #other "Other"
* #paid_late "Paid late"
* #order_cancelled "Cancelled before it was sent"

ValueSet: NonPaymentReason
Id: non-payment-reason
Title: "Why money was not paid"
Description: "Why money was not paid."
* ^experimental = false
* include codes from system NonPaymentReasonCodes

CodeSystem: EnrolmentReasonCodes
Id: enrolment-reason
Title: "Reason of an enrolment’s state"
Description: "Reason of an enrolment’s state."
* ^experimental = false
* ^caseSensitive = true
* ^content = #complete
* #criteria-met "Criteria met"
* #ranked-in "Eligible, and within the places by rank"
* #over-quota "Eligible, but there is no place yet"
* #imported "Imported"
* #officer-decision "Officer decision"
* #criteria-no-longer-met "Criteria no longer met"
* #moved-away "Moved away"
* #deceased "Deceased"
* #duplicate "Duplicate"
* #withdrawn "Withdrawn"
* #graduated "Graduated"
* #sanction "Sanction"
* #non-collection "Non collection"
* #recertification "Recertification"
* #error-corrected "Error corrected"

ValueSet: EnrolmentReason
Id: enrolment-reason
Title: "Reason of an enrolment’s state"
Description: "Reason of an enrolment’s state."
* ^experimental = false
* include codes from system EnrolmentReasonCodes

CodeSystem: ExceptionKindCodes
Id: exception-kind
Title: "What does not fit between books and statements"
Description: "What does not fit between books and statements."
* ^experimental = false
* ^caseSensitive = true
* ^content = #complete
* #unmatched "Unmatched"
* #unknown-instruction "Unknown instruction"
* #amount-differs "Amount differs"
* #account-differs "Account differs"
* #paid-twice "Paid twice"
* #paid-when-not-sent "Paid when not sent"
* #not-paid-after-paid "Not paid after paid"
* #not-on-statement "Not on statement"
* #not-understood "Callback not understood"

ValueSet: ExceptionKind
Id: exception-kind
Title: "What does not fit between books and statements"
Description: "What does not fit between books and statements."
* ^experimental = false
* include codes from system ExceptionKindCodes

CodeSystem: GroupTypeCodes
Id: group-type
Title: "Kind of group"
Description: "Kind of group."
* ^experimental = false
* ^caseSensitive = true
* ^content = #complete
* #household "Household"

ValueSet: GroupType
Id: group-type
Title: "Kind of group"
Description: "Kind of group."
* ^experimental = false
* include codes from system GroupTypeCodes

CodeSystem: LocationTypeCodes
Id: location-type
Title: "Kind of location"
Description: "Kind of location."
* ^experimental = false
* ^caseSensitive = true
* ^content = #complete
* #area "Administrative area"
* #pay-point "Pay point"

ValueSet: LocationType
Id: location-type
Title: "Kind of location"
Description: "Kind of location."
* ^experimental = false
* include codes from system LocationTypeCodes

CodeSystem: OrganizationTypeCodes
Id: organization-type
Title: "Kind of organization"
Description: "Kind of organization."
* ^experimental = false
* ^caseSensitive = true
* ^content = #complete
* #payment-service-provider "Payment service provider"

ValueSet: OrganizationType
Id: organization-type
Title: "Kind of organization"
Description: "Kind of organization."
* ^experimental = false
* include codes from system OrganizationTypeCodes

CodeSystem: FlagCategoryCodes
Id: flag-category
Title: "Category of a flag"
Description: "Category of a flag."
* ^experimental = false
* ^caseSensitive = true
* ^content = #complete
* #hold "Hold"

ValueSet: FlagCategory
Id: flag-category
Title: "Category of a flag"
Description: "Category of a flag."
* ^experimental = false
* include codes from system FlagCategoryCodes

CodeSystem: HoldCodeCodes
Id: hold-code
Title: "Why payments are held"
Description: "Why payments are held."
* ^experimental = false
* ^caseSensitive = true
* ^content = #complete
* #duplicate-suspected "Duplicate suspected"
* #grievance "Grievance"
* #documents-missing "Documents missing"
* #account-unverified "Account unverified"
* #officer-decision "Officer decision"
* #deceased-unconfirmed "Deceased unconfirmed"

ValueSet: HoldCode
Id: hold-code
Title: "Why payments are held"
Description: "Why payments are held."
* ^experimental = false
* include codes from system HoldCodeCodes

CodeSystem: HouseholdCharacteristicCodes
Id: household-characteristic
Title: "Socio-economic facts of a household"
Description: "Socio-economic facts of a household."
* ^experimental = false
* ^caseSensitive = true
* ^content = #complete
* #poverty-score "Poverty score"
* #income "Income"
* #rooms "Rooms"
* #roof "Roof"
* #floor "Floor"
* #toilet "Toilet"
* #lighting "Lighting"
* #land "Land"
* #livestock "Livestock"

ValueSet: HouseholdCharacteristic
Id: household-characteristic
Title: "Socio-economic facts of a household"
Description: "Socio-economic facts of a household."
* ^experimental = false
* include codes from system HouseholdCharacteristicCodes

CodeSystem: ClaimTypeCodes
Id: claim-type
Title: "Kind of claim"
Description: "Kind of claim."
* ^experimental = false
* ^caseSensitive = true
* ^content = #complete
* #cash-transfer "Cash transfer"

ValueSet: ClaimType
Id: claim-type
Title: "Kind of claim"
Description: "Kind of claim."
* ^experimental = false
* include codes from system ClaimTypeCodes

CodeSystem: ClaimItemCodes
Id: claim-item
Title: "What an item of a line is"
Description: "What an item of a line is."
* ^experimental = false
* ^caseSensitive = true
* ^content = #complete
* #component "Component"
* #adjustment "Adjustment, such as a cap or a taper"
* #rounding "Rounding"
* #top-up "Top-up"
* #difference "Difference"
* #follow-up "Follow-up"

ValueSet: ClaimItem
Id: claim-item
Title: "What an item of a line is"
Description: "What an item of a line is."
* ^experimental = false
* include codes from system ClaimItemCodes

CodeSystem: ListCodeCodes
Id: list-code
Title: "Kind of list"
Description: "Kind of list."
* ^experimental = false
* ^caseSensitive = true
* ^content = #complete
* #payroll "Payroll"

ValueSet: ListCode
Id: list-code
Title: "Kind of list"
Description: "Kind of list."
* ^experimental = false
* include codes from system ListCodeCodes

CodeSystem: AmountKindCodes
Id: amount-kind
Title: "Kind of amount"
Description: "Kind of amount."
* ^experimental = false
* ^caseSensitive = true
* ^content = #complete
* #ordered "Ordered"
* #paid "Paid"

ValueSet: AmountKind
Id: amount-kind
Title: "Kind of amount"
Description: "Kind of amount."
* ^experimental = false
* include codes from system AmountKindCodes

CodeSystem: LineVerdictCodes
Id: line-verdict
Title: "What follows from a line of a statement"
Description: "What follows from a line of a statement."
* ^experimental = false
* ^caseSensitive = true
* ^content = #complete
* #confirms "Confirms what we know"
* #proves "Proves what we did not know"
* #noted "Noted, nothing follows"
* #exception "Does not fit"

ValueSet: LineVerdict
Id: line-verdict
Title: "What follows from a line of a statement"
Description: "What follows from a line of a statement."
* ^experimental = false
* include codes from system LineVerdictCodes

CodeSystem: ClosureReasonCodes
Id: closure-reason
Title: "Why an exception is closed"
Description: "Why an exception is closed."
* ^experimental = false
* ^caseSensitive = true
* ^content = #complete
* #found-later "Found on a later statement"
* #corrected-by-provider "Corrected by the provider"
* #recovered "The money has come back"
* #other-business "A payment of other business"
* #explained "Explained"
* #written-off "Written off"

ValueSet: ClosureReason
Id: closure-reason
Title: "Why an exception is closed"
Description: "Why an exception is closed."
* ^experimental = false
* include codes from system ClosureReasonCodes
