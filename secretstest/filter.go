package secretstest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

// attributes is the texts that a filter looks at, by the filter's key. Secrets
// here have no primary Region, for they are not replicated, and are owned by no
// service.
var attributes = map[types.FilterNameStringType]func(*secret) []string{
	"name":           func(s *secret) []string { return []string{s.name} },
	"description":    func(s *secret) []string { return []string{s.description} },
	"tag-key":        (*secret).tagKeys,
	"tag-value":      (*secret).tagValues,
	"primary-region": func(*secret) []string { return nil },
	"owning-service": func(*secret) []string { return nil },
	"all": func(s *secret) []string {
		return slices.Concat([]string{s.name, s.description}, s.tagKeys(), s.tagValues())
	},
}

// searched is the keys whose values are words to look for in any letter case.
// The others take the beginning of the text. The documentation counts
// description among those; tests verified against AWS show words.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_Filter.html
var searched = []types.FilterNameStringType{"description", "all"}

// matches tells whether a secret passes all filters.
func (s *secret) matches(filters []types.Filter) bool {
	return !slices.ContainsFunc(filters, func(f types.Filter) bool { return !s.passes(f) })
}

// passes tells whether one of a filter's values fits; one that begins with an
// exclamation mark fits where the rest of it does not.
func (s *secret) passes(f types.Filter) bool {
	texts := attributes[f.Key](s)
	return slices.ContainsFunc(f.Values, func(value string) bool {
		value, negated := strings.CutPrefix(value, "!")
		return fits(f.Key, value, texts) != negated
	})
}

func fits(key types.FilterNameStringType, value string, texts []string) bool {
	if slices.Contains(searched, key) {
		wanted := words(value)
		return slices.ContainsFunc(texts, func(text string) bool { return hasWords(text, wanted) })
	}
	return slices.ContainsFunc(texts, func(text string) bool { return strings.HasPrefix(text, value) })
}

func (s *secret) tagKeys() []string {
	keys := make([]string, len(s.tags))
	for i, t := range s.tags {
		keys[i] = t.key
	}
	return keys
}

func (s *secret) tagValues() []string {
	values := make([]string, len(s.tags))
	for i, t := range s.tags {
		values[i] = t.value
	}
	return values
}

var filterValue = regexp.MustCompile(`^!?[a-zA-Z0-9 :_@/+=.!-]*$`) // from the service model

// filters checks filters against the service model.
func (c *checks) filters(filters []types.Filter) {
	if len(filters) > 10 {
		c.violate("Value '["+strings.Repeat("Filter, ", len(filters)-1)+"Filter]'", "Filters", "Member must have length less than or equal to 10")
	}
	for i, f := range filters {
		member := fmt.Sprintf("filters.%d.member.", i+1)
		enum(c, member+"key", f.Key, f.Key.Values())
		c.filterValues(member+"values", f.Values)
		for _, value := range f.Values {
			if !filterValue.MatchString(value) {
				c.violate("Value '["+strings.Join(f.Values, ", ")+"]'", member+"values",
					`Member must satisfy constraint: [Member must satisfy regular expression pattern: ^\!?[a-zA-Z0-9 :_@\/\+\=\.\-\!]*$]`)
			}
		}
	}
}

// filterValues checks the number of a filter's values and their lengths, which
// have no minimum in the service model.
func (c *checks) filterValues(member string, values []string) {
	if values == nil {
		return
	}
	shown := "Value '[" + strings.Join(values, ", ") + "]'"
	c.length(shown, member, len(values), 1, 10)
	if slices.ContainsFunc(values, func(v string) bool { return utf8.RuneCountInString(v) > 512 }) {
		c.violate(shown, member, "Member must satisfy constraint: [Member must have length less than or equal to 512, "+
			"Member must have length greater than or equal to 0]")
	}
}

// complete refuses filters that lack a key or values.
func complete(filters []types.Filter) error {
	for _, f := range filters {
		switch {
		case f.Key == "":
			return invalidParameter("Invalid filter key")
		case len(f.Values) == 0:
			return invalidParameter("Invalid filter values for key: " + string(f.Key))
		}
	}
	return nil
}
