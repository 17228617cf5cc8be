package document

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/go-json-experiment/json/jsontext"
)

// object is a JSON object on its way in: the members not yet taken, in the
// order of the text. What is left after the known ones are taken is carried
// over unread into the next version.
type object struct {
	at       string // where it stands, for messages: "" or `previous[2].`
	members  []member
	known    []string // names that were asked for
	problems *problems
}

// byteOrderMark is what some editors and PowerShell put before a text in UTF-8.
const byteOrderMark = "\ufeff"

type member struct {
	name  string
	value jsontext.Value
}

// parseObject reads exactly one JSON object. On top of RFC 8259 it refuses what
// two readers could understand differently: invalid UTF-8, lone surrogates, a
// name that stands twice, in any case, at any depth.
func parseObject(text string) (object, error) {
	if len(text) > MaxLength {
		return object{}, malformed("it has %d bytes, and at most %d can be stored", len(text), MaxLength)
	}
	if strings.HasPrefix(text, byteOrderMark) {
		return object{}, malformed("it begins with a byte order mark (BOM): store it as UTF-8 without one")
	}
	dec := jsontext.NewDecoder(strings.NewReader(text))
	if dec.PeekKind() != '{' {
		return object{}, malformed("it is not a JSON object")
	}
	value, err := dec.ReadValue()
	if err != nil {
		return object{}, syntaxError(err)
	}
	value = value.Clone() // the decoder reuses its buffer
	if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
		return object{}, malformed("something follows the JSON object")
	}
	if err := refuseFoldedDuplicates(value); err != nil {
		return object{}, err
	}
	return split(value, "")
}

// syntaxError says what is wrong in words of our own: the decoder's may quote
// the text.
func syntaxError(err error) error {
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		return malformed("a member stands twice")
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return malformed("it is JSON cut short")
	default:
		return malformed("it is not valid JSON in UTF-8")
	}
}

// refuseFoldedDuplicates walks every object of a valid value.
func refuseFoldedDuplicates(value jsontext.Value) error {
	dec := jsontext.NewDecoder(strings.NewReader(string(value)))
	var open []map[string]bool // per open object or array; nil for an array
	for {
		// A name is due where the number of strings read in an object is even.
		kind, length := dec.StackIndex(dec.StackDepth())
		token, err := dec.ReadToken()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return syntaxError(err)
		}
		switch token.Kind() {
		case '}', ']':
			open = open[:len(open)-1]
			continue
		}
		if kind == '{' && length%2 == 0 {
			name, names := fold(token.String()), open[len(open)-1]
			if names[name] {
				return malformed("a member stands twice, in different case")
			}
			names[name] = true
			continue
		}
		switch token.Kind() {
		case '{':
			open = append(open, map[string]bool{})
		case '[':
			open = append(open, nil)
		}
	}
}

// fold maps every rune to the smallest of those that differ from it in case
// alone, as strings.EqualFold compares.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		smallest := r
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			smallest = min(smallest, f)
		}
		return smallest
	}, s)
}

// split takes a valid object apart.
func split(value jsontext.Value, at string) (object, error) {
	dec := jsontext.NewDecoder(strings.NewReader(string(value)))
	if token, err := dec.ReadToken(); err != nil || token.Kind() != '{' {
		return object{}, malformed("%s is not an object", strings.TrimSuffix(at, "."))
	}
	o := object{at: at, problems: &problems{}}
	for dec.PeekKind() == '"' {
		name, err := dec.ReadToken()
		if err != nil {
			return object{}, syntaxError(err)
		}
		m := member{name: name.String()}
		value, err := dec.ReadValue()
		if err != nil {
			return object{}, syntaxError(err)
		}
		m.value = value.Clone()
		o.members = append(o.members, m)
	}
	return o, nil
}

// take removes a member and returns its value.
func (o *object) take(name string) (value jsontext.Value, present bool) {
	o.known = append(o.known, name)
	i := o.index(name)
	if i < 0 {
		return nil, false
	}
	value = o.members[i].value
	o.members = append(o.members[:i:i], o.members[i+1:]...)
	return value, true
}

// index is where the member of that name stands; -1: nowhere.
func (o *object) index(name string) int {
	return slices.IndexFunc(o.members, func(m member) bool { return m.name == name })
}

// rest returns the members that nobody asked for. One that only its case tells
// from a known name is refused: a laxer reader would heed it, and where it is a
// limit ("Not_After") ignoring it would lift the limit.
func (o *object) rest() []member {
	for _, name := range o.known {
		if o.hasInAnotherCase(name) {
			o.bad(name, otherCase)
		}
	}
	return o.members
}

const otherCase = "is written in another case"

// hasInAnotherCase is asked once the member of that very name is taken.
func (o *object) hasInAnotherCase(name string) bool {
	return slices.ContainsFunc(o.members, func(m member) bool { return strings.EqualFold(m.name, name) })
}

// text takes a string; null is no string. An absent one is "".
func (o *object) text(name string) (text string, present bool) {
	value, present := o.take(name)
	if !present {
		return "", false
	}
	text, ok := unquote(value)
	if !ok {
		o.bad(name, "is not a string")
	}
	return text, true
}

// unquote returns a JSON string's text; false: the value is no string.
func unquote(value jsontext.Value) (text string, ok bool) {
	if value.Kind() != '"' {
		return "", false
	}
	b, err := jsontext.AppendUnquote(nil, value)
	return string(b), err == nil
}

// required takes a string that must be there and not be empty.
func (o *object) required(name string) string {
	text, present := o.text(name)
	switch {
	case !present && o.hasInAnotherCase(name):
		o.bad(name, otherCase)
	case !present:
		o.bad(name, "is missing")
	case text == "":
		o.bad(name, "is empty")
	}
	return text
}

// instant takes a time. An absent one is the zero time.
func (o *object) instant(name string) time.Time {
	text, present := o.text(name)
	if !present {
		return time.Time{}
	}
	t, ok := parseTime(text)
	if !ok {
		o.bad(name, "is not an RFC 3339 time")
	}
	return t
}

// date-time of RFC 3339, section 5.6. The zone may be left out, as Python's
// datetime.utcnow().isoformat() does, and is then UTC. time.Parse alone would
// also take an hour of one digit and a decimal comma.
var dateTime = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)?$`)

// parseTime refuses the zero time, which means that a member is absent, and
// what formatTime could not write: years before 1 and, in UTC, after 9999.
func parseTime(text string) (t time.Time, ok bool) {
	parts := dateTime.FindStringSubmatch(text)
	if parts == nil {
		return time.Time{}, false
	}
	if zone := parts[2]; zone == "" {
		text += "Z"
	}
	t, err := time.Parse(time.RFC3339, text)
	t = t.UTC()
	return t, err == nil && t.After(time.Time{}) && t.Year() <= 9999
}

// list takes an array and returns its elements.
func (o *object) list(name string) []jsontext.Value {
	value, present := o.take(name)
	if !present {
		return nil
	}
	if value.Kind() != '[' {
		o.bad(name, "is not an array")
		return nil
	}
	all, err := elements(value)
	if err != nil { // never of a value that was parsed
		o.bad(name, "is not an array")
	}
	return all
}

// each takes an array of objects.
func (o *object) each(name string, take func(entry *object)) {
	for i, element := range o.list(name) {
		member := fmt.Sprintf("%s[%d]", name, i)
		entry, err := split(element, o.at+member+".")
		if err != nil {
			o.bad(member, "is not an object")
			continue
		}
		entry.problems = o.problems
		take(&entry)
	}
}

// elements takes an array apart.
func elements(value jsontext.Value) (elements []jsontext.Value, err error) {
	dec := jsontext.NewDecoder(strings.NewReader(string(value)))
	if _, err := dec.ReadToken(); err != nil {
		return nil, syntaxError(err)
	}
	for dec.PeekKind() != ']' {
		element, err := dec.ReadValue()
		if err != nil {
			return nil, syntaxError(err)
		}
		elements = append(elements, element.Clone())
	}
	return elements, nil
}
