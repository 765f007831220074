// Codes of a scheme's rules, of statements and of balances: what the modules take, and no more.

CodeSystem: RoundingModeCodes
Id: rounding-mode
Title: "How an amount is rounded"
Description: "How an amount is rounded."
* ^experimental = false
* ^caseSensitive = true
* ^content = #complete
* #down "Down"
* #up "Up"
* #half-up "To the nearest, halves up"
* #half-even "To the nearest; halves to the even one"

ValueSet: RoundingMode
Id: rounding-mode
Title: "How an amount is rounded"
Description: "How an amount is rounded."
* ^experimental = false
* include codes from system RoundingModeCodes

CodeSystem: AgeOnCodes
Id: age-on
Title: "The day on which ages are taken"
Description: "The day on which ages are taken."
* ^experimental = false
* ^caseSensitive = true
* ^content = #complete
* #period-start "First day of the payment period"
* #period-end "Last day of the payment period"

ValueSet: AgeOn
Id: age-on
Title: "The day on which ages are taken"
Description: "The day on which ages are taken."
* ^experimental = false
* include codes from system AgeOnCodes

CodeSystem: DeliveryCodes
Id: delivery
Title: "Where a scheme pays"
Description: "Where a scheme pays."
* ^experimental = false
* ^caseSensitive = true
* ^content = #complete
* #any "Account or pay point"
* #account "Account only"
* #pay-point "Pay point only"

ValueSet: Delivery
Id: delivery
Title: "Where a scheme pays"
Description: "Where a scheme pays."
* ^experimental = false
* include codes from system DeliveryCodes

CodeSystem: StatementResultCodes
Id: statement-result
Title: "What a statement says of a line"
Description: "What a statement says of a line."
* ^experimental = false
* ^caseSensitive = true
* ^content = #complete
* #paid "Paid"
* #not-paid "Not paid"
* #pending "Not yet known"

ValueSet: StatementResult
Id: statement-result
Title: "What a statement says of a line"
Description: "What a statement says of a line."
* ^experimental = false
* include codes from system StatementResultCodes

CodeSystem: BalanceKindCodes
Id: balance-kind
Title: "Kind of balance"
Description: "Kind of balance."
* ^experimental = false
* ^caseSensitive = true
* ^content = #complete
* #posted "What the account holds"
* #available "What it holds, less what is reserved"

ValueSet: BalanceKind
Id: balance-kind
Title: "Kind of balance"
Description: "Kind of balance."
* ^experimental = false
* include codes from system BalanceKindCodes

CodeSystem: MemberOrderCodes
Id: member-order
Title: "Order in which members are paid for"
Description: "Order in which members are paid for."
* ^experimental = false
* ^caseSensitive = true
* ^content = #complete
* #highest-amount "Highest amount first"
* #lowest-amount "Lowest amount first"
* #youngest "Youngest first"
* #oldest "Oldest first"

ValueSet: MemberOrder
Id: member-order
Title: "Order in which members are paid for"
Description: "Order in which members are paid for."
* ^experimental = false
* include codes from system MemberOrderCodes

CodeSystem: RankDirectionCodes
Id: rank-direction
Title: "Which end of a ranking comes first"
Description: "Which end of a ranking comes first."
* ^experimental = false
* ^caseSensitive = true
* ^content = #complete
* #ascending "Lowest first"
* #descending "Highest first"

ValueSet: RankDirection
Id: rank-direction
Title: "Which end of a ranking comes first"
Description: "Which end of a ranking comes first."
* ^experimental = false
* include codes from system RankDirectionCodes

CodeSystem: ComplianceOutcomeCodes
Id: compliance-outcome
Title: "Whether a condition was met"
Description: "Whether a condition was met."
* ^experimental = false
* ^caseSensitive = true
* ^content = #complete
* #met "Met"
* #not-met "Not met"
* #exempt "Exempt"

ValueSet: ComplianceOutcome
Id: compliance-outcome
Title: "Whether a condition was met"
Description: "Whether a condition was met."
* ^experimental = false
* include codes from system ComplianceOutcomeCodes
