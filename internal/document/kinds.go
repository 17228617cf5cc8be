package document

import (
	"strconv"
	"strings"
	"time"
	"unicode"
)

// What the documents of the other kinds share: members that they have in common, and
// the values that HMAC secrets do not have.

// decodeKind reads a document of another kind. take takes the kind's own members; those
// that nobody takes belong to somebody else. The error names all that is wrong.
func decodeKind(text string, take func(*object)) error {
	o, err := parseObject(text)
	if err != nil {
		return err
	}
	for _, common := range []string{"tenant_id", "base", "nonce"} { // looked at where they matter
		o.text(common)
	}
	take(&o)
	o.rest()
	return o.problems.err()
}

// secret takes a string that must be there, and be a secret.
func (o *object) secret(name string) string {
	return o.refuseRedaction(name, o.required(name))
}

// optionalSecret takes a string that may be absent.
func (o *object) optionalSecret(name string) string {
	text, _ := o.text(name)
	return o.refuseRedaction(name, text)
}

func (o *object) refuseRedaction(name, text string) string {
	if text == Redaction {
		o.bad(name, isRedaction)
	}
	return text
}

// number takes an integer between two bounds, which may stand as a string where lax
// says so. An absent one, null or an empty string is 0.
func (o *object) number(name string, low, high int, lax bool) int {
	value, present := o.take(name)
	if !present || lax && value.Kind() == 'n' {
		return 0
	}
	text := string(value)
	if lax && value.Kind() == '"' {
		if text, _ = unquote(value); text == "" {
			return 0
		}
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < low || n > high || text[0] == '+' {
		o.bad(name, "is not a whole number from %d to %d", low, high)
	}
	return n
}

// boolean takes true or false, which may stand as a string. An absent one is nil.
func (o *object) boolean(name string) *bool {
	value, present := o.take(name)
	if !present || value.Kind() == 'n' {
		return nil
	}
	truth := false
	switch strings.ToLower(strings.Trim(string(value), `"`)) {
	case "true":
		truth = true
	case "false":
	default:
		o.bad(name, "is neither true nor false")
	}
	return &truth
}

// printable refuses what no HTTP header can carry.
func (o *object) printable(name, text string) {
	if strings.ContainsFunc(text, unicode.IsControl) {
		o.bad(name, "has a control character, which no HTTP header can carry")
	}
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
