package secretstest

import (
	"bytes"
	"encoding/json"
	"path"
	"slices"
	"strings"
)

// policyDocument is as much of a resource policy as the fake understands:
// statements that allow or deny actions to accounts. A statement with a
// Condition, or with NotPrincipal or NotAction, is kept but never applies.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html
type policyDocument struct {
	Version   string
	Statement many[statement]
}

type statement struct {
	Effect    string
	Principal principals
	Action    many[string]
	Condition json.RawMessage
}

// many is a JSON value that may stand alone or in a list.
type many[T any] []T

func (m *many[T]) UnmarshalJSON(text []byte) error {
	if bytes.HasPrefix(text, []byte("[")) {
		return json.Unmarshal(text, (*[]T)(m))
	}
	*m = make([]T, 1)
	return json.Unmarshal(text, &(*m)[0])
}

// principals is the AWS principals of a statement; a bare "*" is everybody.
type principals []string

func (p *principals) UnmarshalJSON(text []byte) error {
	var everybody string
	if json.Unmarshal(text, &everybody) == nil {
		*p = principals{everybody}
		return nil
	}
	var kinds struct{ AWS many[string] }
	err := json.Unmarshal(text, &kinds)
	*p = principals(kinds.AWS)
	return err
}

// parsePolicy reads a policy, or refuses it in the service's words.
func parsePolicy(text string) (policyDocument, error) {
	var p policyDocument
	err := json.Unmarshal([]byte(text), &p)
	if err != nil || !p.valid() {
		return p, failure("MalformedPolicyDocumentException", "This policy has invalid syntax.")
	}
	return p, nil
}

func (p policyDocument) valid() bool {
	if !slices.Contains([]string{"", "2008-10-17", "2012-10-17"}, p.Version) || len(p.Statement) == 0 {
		return false
	}
	return !slices.ContainsFunc(p.Statement, func(s statement) bool { return s.Effect != "Allow" && s.Effect != "Deny" })
}

// public tells whether the policy lets everybody in.
func (p policyDocument) public() bool {
	return slices.ContainsFunc(p.Statement, func(s statement) bool {
		return s.Effect == "Allow" && s.Condition == nil && slices.Contains(s.Principal, "*")
	})
}

// allows tells whether the policy lets an account do an action. A denial counts
// more than any permission.
func (p policyDocument) allows(account, action string) bool {
	applies := func(effect string) bool {
		return slices.ContainsFunc(p.Statement, func(s statement) bool {
			return s.Effect == effect && s.Condition == nil && s.covers(account) && s.names(action)
		})
	}
	return applies("Allow") && !applies("Deny")
}

// covers tells whether a principal is everybody, the account, or somebody in it.
func (s statement) covers(account string) bool {
	return slices.ContainsFunc(s.Principal, func(p string) bool {
		return p == "*" || p == account || strings.Contains(p, "::"+account+":")
	})
}

func (s statement) names(action string) bool {
	return slices.ContainsFunc(s.Action, func(pattern string) bool {
		matched, _ := path.Match(strings.ToLower(pattern), strings.ToLower(action))
		return matched
	})
}
