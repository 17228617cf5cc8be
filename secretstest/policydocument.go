package secretstest

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
)

// policyDocument is as much of a resource policy as the fake understands. What
// it does not understand never lets anybody in: an Allow with a Condition never
// applies, a Deny with one always does.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html
type policyDocument struct {
	Version   string
	ID        string `json:"Id"`
	Statement many[statement]
}

type statement struct {
	SID          string `json:"Sid"`
	Effect       string
	Principal    principals
	NotPrincipal principals
	Action       many[string]
	NotAction    many[string]
	Resource     many[string]
	NotResource  many[string]
	Condition    map[string]json.RawMessage
}

func (p *policyDocument) UnmarshalJSON(text []byte) error {
	type plain policyDocument
	return unmarshalExactly(text, (*plain)(p))
}

func (s *statement) UnmarshalJSON(text []byte) error {
	type plain statement
	return unmarshalExactly(text, (*plain)(s))
}

// unmarshalExactly refuses members that a policy does not have by that very name;
// encoding/json alone takes them in any letter case.
func unmarshalExactly(text []byte, into any) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		return err
	}
	known := memberNames(reflect.TypeOf(into).Elem())
	for name := range members {
		if !slices.Contains(known, name) {
			return errors.New("unknown member")
		}
	}
	return json.Unmarshal(text, into)
}

func memberNames(shape reflect.Type) []string {
	var names []string
	for _, field := range reflect.VisibleFields(shape) {
		name := field.Tag.Get("json")
		if name == "" {
			name = field.Name
		}
		names = append(names, name)
	}
	return names
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

// everybody is the principal that is all.
const everybody = "*"

// principals is who a statement is about. Only AWS principals make calls here.
type principals struct {
	given bool
	aws   []string
}

func (p *principals) UnmarshalJSON(text []byte) error {
	p.given = true
	var all string
	if json.Unmarshal(text, &all) == nil {
		p.aws = []string{all}
		if all != everybody {
			return errors.New("a principal without its kind")
		}
		return nil
	}
	var kinds struct{ AWS, Service, Federated, CanonicalUser many[string] }
	err := unmarshalExactly(text, &kinds)
	p.aws = kinds.AWS
	p.given = len(kinds.AWS)+len(kinds.Service)+len(kinds.Federated)+len(kinds.CanonicalUser) > 0
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
	return !slices.ContainsFunc(p.Statement, func(s statement) bool { return !s.valid() })
}

// valid tells whether a statement has what each must have, and that only once.
func (s statement) valid() bool {
	return (s.Effect == "Allow" || s.Effect == "Deny") &&
		s.Principal.given != s.NotPrincipal.given &&
		eitherOf(s.Action, s.NotAction) && eitherOf(s.Resource, s.NotResource)
}

func eitherOf(one, other []string) bool {
	return (len(one) == 0) != (len(other) == 0) && !slices.Contains(one, "") && !slices.Contains(other, "")
}

// public tells whether the policy lets everybody in. A condition is taken to
// keep the public out.
func (p policyDocument) public() bool {
	return slices.ContainsFunc(p.Statement, func(s statement) bool {
		return s.Effect == "Allow" && len(s.Condition) == 0 &&
			(s.NotPrincipal.given || slices.ContainsFunc(s.Principal.aws, wild))
	})
}

// wild tells whether a principal is everybody, or the root of any account.
// Wildcards within a principal mean nothing to the service.
func wild(principal string) bool { return strings.ContainsAny(principal, "*?") }

// allows tells whether the policy lets a caller do what it asks for. A denial
// counts more than any permission.
func (p policyDocument) allows(who caller, access Access) bool {
	applies := func(effect string) bool {
		return slices.ContainsFunc(p.Statement, func(s statement) bool { return s.Effect == effect && s.applies(who, access) })
	}
	return applies("Allow") && !applies("Deny")
}

func (s statement) applies(who caller, access Access) bool {
	if s.Effect == "Allow" && len(s.Condition) > 0 {
		return false
	}
	return s.covers(who) && s.names(access.Action) && s.reaches(access.Resource)
}

// covers tells whether a statement is about a caller. Of NotPrincipal a user is
// spared only if both the user and the account are listed, as the service asks.
func (s statement) covers(who caller) bool {
	if s.NotPrincipal.given {
		account, self := s.NotPrincipal.has(who.account, who.root()), s.NotPrincipal.has(who.arn())
		if s.Effect == "Allow" {
			return !account && !self
		}
		return !account || !self
	}
	if s.Effect == "Deny" && slices.ContainsFunc(s.Principal.aws, wild) {
		return true
	}
	return s.Principal.has(everybody, who.account, who.root(), who.arn())
}

func (p principals) has(names ...string) bool {
	return slices.ContainsFunc(p.aws, func(name string) bool { return slices.Contains(names, name) })
}

// names tells whether a statement is about an action, in whichever letter case.
func (s statement) names(action string) bool {
	action = strings.ToLower(action)
	is := func(pattern string) bool { return matchesPattern(strings.ToLower(pattern), action) }
	if s.Action == nil {
		return !slices.ContainsFunc(s.NotAction, is)
	}
	return slices.ContainsFunc(s.Action, is)
}

// reaches tells whether a statement is about a secret, by its ARN.
func (s statement) reaches(arn string) bool {
	is := func(pattern string) bool { return matchesPattern(pattern, arn) }
	if s.Resource == nil {
		return !slices.ContainsFunc(s.NotResource, is)
	}
	return slices.ContainsFunc(s.Resource, is)
}

// matchesPattern tells whether a text fits a pattern, in which an asterisk is any
// characters and a question mark is one. The last asterisk met takes as little
// as it can, and more when what follows does not fit.
func matchesPattern(pattern, text string) bool {
	p, t, star, taken := 0, 0, -1, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, taken = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t]):
			p++
			t++
		case star >= 0:
			taken++
			p, t = star+1, taken
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
