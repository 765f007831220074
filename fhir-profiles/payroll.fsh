// Approval of payrolls: flows as data, and what waits for whom.

Profile: ApprovalFlow
Parent: PlanDefinition
Id: approval-flow
Title: "Approval flow"
Description: "Who approves payrolls, in which order and above which amount. Each action is a step; its participants are the pool. useContext program names the scheme; without it the flow serves every scheme that has none of its own."
* title 1..1
* action 1..*
* action.title 1..1
* action.participant 1..*
* action.participant.extension contains ApprovalActor named actor 0..1
* action.extension contains ApprovalVotes named votes 1..1

Extension: ApprovalVotes
Id: approval-votes
Title: "Votes that a step needs"
Description: "rule: any, all or count of the pool; count: how many, where the rule is count; from-amount: the step is passed over by payrolls below it; each-line: every line must have been accepted or rejected."
Context: PlanDefinition.action
* extension contains
    rule 1..1 and
    count 0..1 and
    from-amount 0..1 and
    each-line 0..1
* extension[rule].value[x] only code
* extension[rule].value[x] 1..1
* extension[rule].valueCode from ApprovalRule (required)
* extension[count].value[x] only positiveInt
* extension[count].value[x] 1..1
* extension[from-amount].value[x] only Money
* extension[from-amount].value[x] 1..1
* extension[each-line].value[x] only boolean
* extension[each-line].value[x] 1..1

Extension: ApprovalActor
Id: approval-actor
Title: "Named approver"
Description: "A person of the pool by login or actor id."
Context: PlanDefinition.action.participant
* value[x] only Identifier
* value[x] 1..1

Profile: ApprovalTask
Parent: Task
Id: approval-task
Title: "Approval task"
Description: "A payroll waits for somebody's vote; the vote is the output."
* code 1..1
* focus 1..1
* owner 1..1

CodeSystem: ApprovalRuleCodes
Id: approval-rule
Title: "How many of a pool must approve"
Description: "How many of a pool must approve."
* ^experimental = false
* ^caseSensitive = true
* ^content = #complete
* #any "Any one of them"
* #all "All of them"
* #count "So many of them"

ValueSet: ApprovalRule
Id: approval-rule
Title: "How many of a pool must approve"
Description: "How many of a pool must approve."
* ^experimental = false
* include codes from system ApprovalRuleCodes

CodeSystem: ApprovalActCodes
Id: approval-act
Title: "What somebody did about a payroll"
Description: "What somebody did about a payroll."
* ^experimental = false
* ^caseSensitive = true
* ^content = #complete
* #submit "Submitted"
* #accept "Accepted"
* #reject "Rejected"
* #return "Returned to the maker"
* #accept-line "Accepted a line"
* #reject-line "Rejected a line"

ValueSet: ApprovalAct
Id: approval-act
Title: "What somebody did about a payroll"
Description: "What somebody did about a payroll."
* ^experimental = false
* include codes from system ApprovalActCodes

CodeSystem: TaskCodeCodes
Id: task-code
Title: "Kind of task"
Description: "Kind of task."
* ^experimental = false
* ^caseSensitive = true
* ^content = #complete
* #approve-payroll "Approve a payroll"
* #duplicate-review "Review two records that may be one person"
* #household-review "Review two households that share people"
* #merge-proposal "Merge two records, proposed by another person"
* #merge-follow-up "Look at what a merge has left behind"
* #paid-twice "Decide about a person or a household that was paid under two records"
* #unmerge-review "Look at what has changed since a merge that was taken back"
* #review-quality "Look at why the matching is less right than it says, or reviewers do not agree"
* #fairness-review "Look at why the matching holds a group of people more often than others"

ValueSet: TaskCode
Id: task-code
Title: "Kind of task"
Description: "Kind of task."
* ^experimental = false
* include codes from system TaskCodeCodes

CodeSystem: PayrollKindCodes
Id: payroll-kind
Title: "Kind of payroll"
Description: "Kind of payroll."
* ^experimental = false
* ^caseSensitive = true
* ^content = #complete
* #regular "Regular" "What is due in a period, for a scheme or an area of it."
* #back-pay "Back-pay" "A past period for those who have no line in it: late enrolees, released holds."
* #follow-up "Follow-up" "The lines of a period that were definitively not paid, ordered again."
* #top-up "Top-up" "One more amount for those who have a line in the period."
* #regularisation "Regularisation" "What is due by the present rules and facts, less what was granted."

ValueSet: PayrollKind
Id: payroll-kind
Title: "Kind of payroll"
Description: "Kind of payroll."
* ^experimental = false
* include codes from system PayrollKindCodes

Extension: PayrollKindExtension
Id: payroll-kind
Title: "Kind of a payroll"
Description: "Why the payroll was drafted."
Context: List
* value[x] only code
* value[x] 1..1
* valueCode from PayrollKind (required)

Extension: PayrollStep
Id: payroll-step
Title: "Step of a payroll"
Description: "The step of its approval flow at which a payroll waits."
Context: List
* value[x] only integer
* value[x] 1..1

Instance: search-exclusion-reason
InstanceOf: SearchParameter
Usage: #definition
* url = "https://amana.example/fhir/SearchParameter/search-exclusion-reason"
* name = "ExclusionReason"
* status = #active
* description = "Why an enrolment was left out of a payroll."
* code = #exclusion-reason
* base = #Claim
* type = #token
* expression = "Claim.extension('https://amana.example/fhir/StructureDefinition/exclusion-reason').value"
* xpathUsage = #normal

Instance: search-line-state
InstanceOf: SearchParameter
Usage: #definition
* url = "https://amana.example/fhir/SearchParameter/search-line-state"
* name = "LineState"
* status = #active
* description = "Where the payment of a line stands."
* code = #line-state
* base = #Claim
* type = #token
* expression = "Claim.extension('https://amana.example/fhir/StructureDefinition/line-state').value"
* xpathUsage = #normal

Instance: search-payroll-state
InstanceOf: SearchParameter
Usage: #definition
* url = "https://amana.example/fhir/SearchParameter/search-payroll-state"
* name = "PayrollState"
* status = #active
* description = "Where a payroll stands in its lifecycle."
* code = #payroll-state
* base = #List
* type = #token
* expression = "List.extension('https://amana.example/fhir/StructureDefinition/payroll-state').value"
* xpathUsage = #normal

CodeSystem: SimulationFigureCodes
Id: simulation-figure
Title: "What a simulation of rules counts"
Description: "What a simulation of rules counts."
* ^experimental = false
* ^caseSensitive = true
* ^content = #complete
* #judged "Households looked at"
* #paid-now "Paid by the rules in force"
* #paid-tried "Paid by the rules that are tried"
* #unpaid-tried "Not paid by the rules that are tried"
* #beyond-budget "Paid then, but beyond the budget"
* #people "People in them"

CodeSystem: PayrollFigureCodes
Id: payroll-figure
Title: "What a report of a payroll counts"
Description: "What a report of a payroll counts."
* ^experimental = false
* ^caseSensitive = true
* ^content = #complete
* #planned "Planned"
* #paid "Paid"
* #waiting "Not decided yet"
* #not-paid "Not paid"
* #excluded "Left out"
