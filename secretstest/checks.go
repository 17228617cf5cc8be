package secretstest

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	smithy "github.com/aws/smithy-go"
)

// checks collects what an input breaks of the service model's constraints. The
// SDK refuses absent required members before it sends anything; the rest is the
// service's to refuse, all of it in one answer.
type checks struct {
	missing    []string
	violations []string
	badName    bool
}

// need requires a member of a length.
func (c *checks) need(member string, v *string, least, most int) {
	if v == nil {
		c.missing = append(c.missing, member)
		c.violations = append(c.violations,
			fmt.Sprintf("Value null at '%s' failed to satisfy constraint: Member must not be null", lowerFirst(member)))
		return
	}
	c.text(member, v, least, most)
}

// text checks the length of an optional member. The service model counts
// characters: https://smithy.io/2.0/spec/constraint-traits.html#length-trait
func (c *checks) text(member string, v *string, least, most int) {
	if v != nil {
		c.length(fmt.Sprintf("Value '%s'", *v), member, utf8.RuneCountInString(*v), least, most)
	}
}

// secret checks the length of a member that must not be repeated in
// the answer.
func (c *checks) secret(member string, length, least, most int) {
	c.length("Value", member, length, least, most)
}

// list checks the length of an optional list and of its members; a nil list is
// absent, an empty one is not.
func (c *checks) list(member string, list []string, most, longest int) {
	if list == nil {
		return
	}
	shown := fmt.Sprintf("Value '[%s]'", strings.Join(list, ", "))
	c.length(shown, member, len(list), 1, most)
	for _, v := range list {
		if v == "" || utf8.RuneCountInString(v) > longest {
			c.violate(shown, member, fmt.Sprintf("Member must satisfy constraint: "+
				"[Member must have length less than or equal to %d, Member must have length greater than or equal to 1]", longest))
			return
		}
	}
}

// given requires a member that is not a text.
func (c *checks) given(member string, present bool) {
	if !present {
		c.need(member, nil, 0, 0)
	}
}

// number checks the range of an optional number.
func (c *checks) number(member string, v *int64, least, most int64) {
	switch {
	case v == nil:
	case *v < least:
		c.violate(fmt.Sprintf("Value '%d'", *v), member, fmt.Sprintf("Member must have value greater than or equal to %d", least))
	case *v > most:
		c.violate(fmt.Sprintf("Value '%d'", *v), member, fmt.Sprintf("Member must have value less than or equal to %d", most))
	}
}

// enum checks an optional member that has few values.
func enum[T ~string](c *checks, member string, v T, values []T) {
	if v != "" && !slices.Contains(values, v) {
		c.violate(fmt.Sprintf("Value '%s'", v), member, "Member must satisfy enum value set: "+strings.ReplaceAll(fmt.Sprint(values), " ", ", "))
	}
}

// paging checks the members of a list that comes in pages.
func (c *checks) paging(maxResults *int32, most int64, nextToken *string) {
	if maxResults != nil {
		n := int64(*maxResults)
		c.number("MaxResults", &n, 1, most)
	}
	c.text("NextToken", nextToken, 1, 4096)
}

// secretID requires a SecretId.
func (c *checks) secretID(v *string) {
	c.need("SecretId", v, 1, 2048)
	if v != nil {
		c.wellFormed(*v)
	}
}

func (c *checks) wellFormed(id string) {
	c.badName = c.badName || !validID(id)
}

func (c *checks) length(value, member string, n, least, most int) {
	switch {
	case n < least:
		c.violate(value, member, fmt.Sprintf("Member must have length greater than or equal to %d", least))
	case n > most:
		c.violate(value, member, fmt.Sprintf("Member must have length less than or equal to %d", most))
	}
}

func (c *checks) violate(value, member, constraint string) {
	c.violations = append(c.violations,
		fmt.Sprintf("%s at '%s' failed to satisfy constraint: %s", value, lowerFirst(member), constraint))
}

// err is the service's answer to a broken constraint, or nil.
func (c *checks) err() error {
	switch n := len(c.violations); {
	case n == 1:
		return validation("1 validation error detected: " + c.violations[0])
	case n > 1:
		return validation(fmt.Sprintf("%d validation errors detected: %s", n, strings.Join(c.violations, "; ")))
	case c.badName:
		return validation("Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!")
	}
	return nil
}

// missingParams is the SDK's own refusal of absent members, or nil.
func (c *checks) missingParams(input string) error {
	if len(c.missing) == 0 {
		return nil
	}
	invalid := smithy.InvalidParamsError{Context: input}
	for _, member := range c.missing {
		invalid.Add(smithy.NewErrParamRequired(member))
	}
	return invalid
}

// lowerFirst turns the name of a Go field into the one in the service's messages.
func lowerFirst(member string) string {
	return string(unicode.ToLower(rune(member[0]))) + member[1:]
}
