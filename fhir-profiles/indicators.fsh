// Indicators: their codes, what they are split by, and the mapping to DHIS2.

CodeSystem: IndicatorCodes
Id: indicator
Title: "Indicator"
Description: "Figures that are reported by area, sex, age and month."
* ^experimental = false
* ^caseSensitive = true
* ^content = #complete
* #HH_REG "Registered households"
* #MEM_REG "Registered members"
* #HH_ENR "Enrolled households"
* #MEM_ENR "Members of enrolled households"
* #HH_STATUS "Enrolments by state"
* #HH_NEW "Newly enrolled"
* #HH_REACT "Enrolled again"
* #HH_SUSP "Suspended"
* #HH_EXIT "Left"
* #DUE_N "Due: number"
* #DUE_AMT "Due: amount"
* #PAID_N "Paid: number"
* #PAID_AMT "Paid: amount"
* #UNPAID_N "Unpaid: number"
* #UNPAID_AMT "Unpaid: amount"
* #EXCL_N "Left out"
* #CASH_N "Paid out: number"
* #CASH_AMT "Paid out: amount"
* #DAYS_SUM "Days to payment: sum"
* #DAYS_N "Days to payment: number"

CodeSystem: IndicatorDimensionCodes
Id: indicator-dimension
Title: "What figures are split by"
Description: "What figures are split by."
* ^experimental = false
* ^caseSensitive = true
* ^content = #complete
* #area "Area directly below that of the report"
* #scheme "Scheme"
* #sex "Sex"
* #age "Age in completed years on the last day of the period"
* #enrolment-state "State of the enrolment"
* #enrolment-reason "Reason of the change"
* #account-kind "Kind of account"
* #unpaid-reason "Why not paid"
* #exclusion-reason "Why left out"
* #arrears "Current or arrears"
* #lateness "Days from due to paid"

CodeSystem: AgeBandCodes
Id: age-band
Title: "Age band"
Description: "ISO 8601 derived period: P5Y--P18Y is from the 5th up to, not including, the 18th birthday. The bands are a setting; these are the usual ones."
* ^experimental = false
* ^caseSensitive = true
* ^content = #fragment
* #P0Y--P5Y "Under 5"
* #P5Y--P18Y "5 to 17"
* #P18Y--P60Y "18 to 59"
* #P60Y--P9999Y "60 and over"
* #unknown "Unknown"

CodeSystem: UnpaidReasonCodes
Id: unpaid-reason
Title: "Why what is due is not paid"
Description: "The reasons of non-payment-reason, and what a line without an outcome waits for."
* ^experimental = false
* ^caseSensitive = true
* ^content = #complete
* #recipient_not_registered "Recipient not registered"
* #recipient_invalid "Recipient invalid"
* #recipient_limit "Limit of the recipient"
* #recipient_blocked "Recipient blocked"
* #name_mismatch "Name does not match"
* #amount_out_of_range "Amount out of range"
* #currency_not_supported "Currency not supported"
* #payer_funds "Funds of the payer"
* #payer_configuration "Configuration of the payer"
* #provider_down "Provider down"
* #expired_unclaimed "Expired unclaimed"
* #not_collected "Not collected"
* #refused "Refused"
* #other "Other"
* #not-sent "Not sent yet"
* #no-answer "No answer yet"

ValueSet: AgeBand
Id: age-band
Title: "Age band"
Description: "Age bands."
* ^experimental = false
* include codes from system AgeBandCodes

CodeSystem: ArrearsCodes
Id: arrears
Title: "Current or arrears"
Description: "Whether what was paid fell due in the period or before."
* ^experimental = false
* ^caseSensitive = true
* ^content = #complete
* #current "Current"
* #arrears "Arrears"

CodeSystem: LatenessCodes
Id: lateness
Title: "Days from due to paid"
Description: "Bands of days from due to paid."
* ^experimental = false
* ^caseSensitive = true
* ^content = #complete
* #on-time "On the day or before"
* #1-7 "1 to 7 days"
* #8-14 "8 to 14 days"
* #15-30 "15 to 30 days"
* #31-60 "31 to 60 days"
* #over-60 "More than 60 days"

Extension: ScoreInterval
Id: score-interval
Title: "Interval of a score"
Description: "Between which values a score lies, with 95 of 100 chances."
* ^context[0].type = #element
* ^context[0].expression = "MeasureReport.group"
* extension contains
    low 1..1 and
    high 1..1
* extension[low].value[x] only decimal
* extension[low].value[x] 1..1
* extension[high].value[x] only decimal
* extension[high].value[x] 1..1

Extension: ScoreDrifted
Id: score-drifted
Title: "Score has drifted"
Description: "Whether the score of the last month lies elsewhere than before, intervals excluded."
* ^context[0].type = #element
* ^context[0].expression = "MeasureReport.group"
* value[x] only boolean
* value[x] 1..1

Extension: HeldDisproportionately
Id: held-disproportionately
Title: "Held disproportionately"
Description: "Whether a group of people is held wrongly half as often again as everybody, beyond chance; of a report, whether any is."
* ^context[0].type = #element
* ^context[0].expression = "MeasureReport"
* ^context[1].type = #element
* ^context[1].expression = "MeasureReport.group.stratifier.stratum"
* value[x] only boolean
* value[x] 1..1

Extension: Dhis2DataSet
Id: dhis2-data-set
Title: "DHIS2 data set"
Description: "Which Measure goes to which data set of DHIS2, and how ids are written there."
* ^context[0].type = #element
* ^context[0].expression = "ConceptMap"
* extension contains
    measure 1..1 and
    dataSet 1..1 and
    periodType 0..1 and
    idScheme 0..1 and
    orgUnitIdScheme 0..1 and
    attributeOptionCombo 0..1
* extension[measure].value[x] only canonical
* extension[dataSet].value[x] only string
* extension[periodType].value[x] only string or code
* extension[idScheme].value[x] only code
* extension[orgUnitIdScheme].value[x] only code
* extension[attributeOptionCombo].value[x] only string

Profile: Dhis2Mapping
Parent: ConceptMap
Id: dhis2-mapping
Title: "Mapping to DHIS2"
Description: "Where the figures of a Measure go in DHIS2: indicator and strata to data element and category option combo."
* extension contains Dhis2DataSet named dhis2DataSet 1..1
