package secretstest

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Access is one permission that a call needs.
type Access struct {
	Account   string // the caller's
	AccessKey string // the id of the access key that signed; empty in process
	Action    string // "secretsmanager:GetSecretValue"

	// Resource is the ARN of the secret; the id as it was sent, if there is no
	// such secret; "*" for actions without a secret.
	Resource string
}

// caller is who makes a call.
type caller struct{ partition, account, accessKey string }

// arn is the caller's name in the service's messages and in policies: the root
// of the account in process, and over HTTP a user named like the access key.
func (c caller) arn() string {
	if c.accessKey == "" {
		return c.root()
	}
	return "arn:" + c.partition + ":iam::" + c.account + ":user/" + c.accessKey
}

// root is the principal that is everybody in the caller's account.
func (c caller) root() string { return "arn:" + c.partition + ":iam::" + c.account + ":root" }

// authorize asks the hook, and for another account's secret its resource policy.
// The service does both before it tells whether the secret exists.
func (r *request) authorize(operation string, id *string) error {
	access := Access{Account: r.caller.account, AccessKey: r.caller.accessKey, Action: "secretsmanager:" + operation, Resource: "*"}
	var s *secret
	if id != nil {
		access.Resource = *id
		if found, err := r.latest(id); err == nil {
			s, access.Resource = found, found.arn
		}
	}
	switch {
	case r.backend.allow != nil && !r.backend.allow(access):
		return r.denied(access, "identity-based")
	case r.foreign() && (s == nil || !s.allows(r.caller, access)):
		return r.denied(access, "resource-based")
	}
	return nil
}

// foreign tells whether the call is about another account's secret.
func (r *request) foreign() bool { return r.vault.account != r.caller.account }

// denied is IAM's refusal, in the words reported of the service.
func (r *request) denied(access Access, policy string) error {
	on := ""
	if access.Resource != "*" {
		on = " on resource: " + access.Resource
	}
	return failure("AccessDeniedException", fmt.Sprintf("User: %s is not authorized to perform: %s%s because no %s policy allows the %[2]s action",
		r.caller.arn(), access.Action, on, policy))
}

// allows asks the secret's resource policy.
func (s *secret) allows(who caller, access Access) bool {
	if s.policy == "" {
		return false
	}
	policy, err := parsePolicy(s.policy)
	return err == nil && policy.allows(who, access)
}

// subjectOf is the secret that a call is about, or nil.
func subjectOf(call Call) *string {
	if call.SecretID == "" {
		return nil
	}
	return aws.String(call.SecretID)
}
