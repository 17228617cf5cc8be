package document

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/go-json-experiment/json/jsontext"
)

// What the documents of the other kinds share: members that they have in common, and
// the values that HMAC secrets do not have.

// decodeKind reads a document of another kind. take takes the kind's own members; those
// that nobody takes belong to somebody else.
func decodeKind(text string, take func(*object) error) error {
	o, err := parseObject(text)
	if err != nil {
		return err
	}
	for _, common := range []string{"tenant_id", "base", "nonce"} { // looked at where they matter
		if _, _, err := o.text(common); err != nil {
			return err
		}
	}
	if err := take(&o); err != nil {
		return err
	}
	_, err = o.rest()
	return err
}

// secret takes a string that must be there, and be a secret.
func (o *object) secret(name string) (string, error) {
	text, err := o.required(name)
	if err == nil {
		err = o.refuseRedaction(name, text)
	}
	return text, err
}

// optionalSecret takes a string that may be absent.
func (o *object) optionalSecret(name string) (string, error) {
	text, _, err := o.text(name)
	if err == nil {
		err = o.refuseRedaction(name, text)
	}
	return text, err
}

func (o *object) refuseRedaction(name, text string) error {
	if text == Redaction {
		return malformed("%s%s is the text that is printed in place of a secret", o.at, name)
	}
	return nil
}

// texts takes several optional strings.
func (o *object) texts(into map[string]*string) (err error) {
	for name, text := range into {
		if *text, _, err = o.text(name); err != nil {
			return err
		}
	}
	return nil
}

// number takes an integer between two bounds, which may stand as a string where lax
// says so. An absent one, null or an empty string is 0.
func (o *object) number(name string, low, high int, lax bool) (int, error) {
	value, present := o.take(name)
	if !present || lax && value.Kind() == 'n' {
		return 0, nil
	}
	text := string(value)
	if lax && value.Kind() == '"' {
		unquoted, err := jsontext.AppendUnquote(nil, value)
		if err != nil {
			return 0, syntaxError(err)
		}
		if text = string(unquoted); text == "" {
			return 0, nil
		}
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < low || n > high || text[0] == '+' {
		return 0, malformed("%s%s is not a whole number from %d to %d", o.at, name, low, high)
	}
	return n, nil
}

// boolean takes true or false, which may stand as a string. An absent one is nil.
func (o *object) boolean(name string) (*bool, error) {
	value, present := o.take(name)
	if !present || value.Kind() == 'n' {
		return nil, nil
	}
	var truth bool
	switch strings.ToLower(strings.Trim(string(value), `"`)) {
	case "true":
		truth = true
	case "false":
	default:
		return nil, malformed("%s%s is neither true nor false", o.at, name)
	}
	return &truth, nil
}

// each takes an array of objects.
func (o *object) each(name string, take func(entry *object) error) error {
	elements, err := o.list(name)
	if err != nil {
		return err
	}
	for i, element := range elements {
		entry, err := split(element, fmt.Sprintf("%s%s[%d].", o.at, name, i))
		if err != nil {
			return err
		}
		if err := take(&entry); err != nil {
			return err
		}
		if _, err := entry.rest(); err != nil {
			return err
		}
	}
	return nil
}

// printable refuses what no HTTP header can carry.
func printable(names string, texts ...string) error {
	for _, text := range texts {
		if strings.ContainsFunc(text, unicode.IsControl) {
			return malformed("%s has a control character, which no HTTP header can carry", names)
		}
	}
	return nil
}

// encodeKind writes a kind's own members and looks whether they can be read back.
func encodeKind[T any](members func(*writer), decode func(string) (T, error)) (string, error) {
	var w writer
	w.open()
	members(&w)
	w.close()
	if w.err != nil {
		return "", w.err
	}
	text := string(w.buf)
	if _, err := decode(text); err != nil {
		return "", err
	}
	return text, nil
}

func (w *writer) raw(name, value string) { w.name(name); w.next(); w.buf = append(w.buf, value...) }

// number writes one that is not 0.
func (w *writer) number(name string, n int) {
	if n != 0 {
		w.raw(name, strconv.Itoa(n))
	}
}

func (w *writer) time(name string, t time.Time) { w.optional(name, formatTime(t)) }
