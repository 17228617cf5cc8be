package document

import (
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Member is a string member of a stored object.
type Member struct{ Name, Value string }

// Edit sets string members of a stored JSON object, whatever its kind. All others
// stay as they are and where they are. The error is a Malformed.
func Edit(text string, set ...Member) (string, error) {
	o, err := parseObject(text)
	if err != nil {
		return "", err
	}
	for _, m := range set {
		quoted, err := jsontext.AppendQuote(nil, m.Value)
		if err != nil {
			return "", malformed("%s is not valid UTF-8", m.Name)
		}
		o.put(member{m.Name, quoted})
	}
	return o.encode()
}

// HoldsRedaction tells whether a string of a JSON value, at any depth, has the text in it
// that is printed in place of a secret.
func HoldsRedaction(text string) bool {
	dec := jsontext.NewDecoder(strings.NewReader(text))
	for {
		token, err := dec.ReadToken()
		if err != nil {
			return false
		}
		if token.Kind() == '"' && strings.Contains(token.String(), Redaction) {
			return true
		}
	}
}

// Text returns a string member of a stored JSON object. The error is a Malformed.
func Text(text, name string) (value string, present bool, err error) {
	o, err := parseObject(text)
	if err != nil {
		return "", false, err
	}
	value, present = o.text(name)
	return value, present, o.problems.err()
}

// put replaces a member, or adds it at the end.
func (o *object) put(m member) {
	if i := o.index(m.name); i >= 0 {
		o.members[i] = m
		return
	}
	o.members = append(o.members, m)
}

func (o *object) encode() (string, error) {
	var w writer
	w.open()
	w.rest(o.members)
	w.close()
	if w.err != nil {
		return "", w.err
	}
	if _, err := parseObject(string(w.buf)); err != nil {
		return "", err
	}
	return string(w.buf), nil
}
