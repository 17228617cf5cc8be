package tenantsecrets

import (
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"

	"github.com/formbridge/tenantsecrets/internal/document"
)

// Value holds secret text. It is printed, logged and marshaled as "[redacted]",
// by any verb of fmt, by slog, as JSON, as text and by gob; where it sits in a
// field that no method of it can be reached through, what is printed is an
// address. The text itself comes out of [Value.Reveal] and nowhere else.
//
// A Value is immutable and may be used by any number of goroutines. The zero
// Value is the empty text.
type Value struct {
	reveal func() string // a closure: reflection does not see what it captured
}

// NewValue makes a Value of a secret.
func NewValue(secret string) Value { return Value{func() string { return secret }} }

// Reveal returns the secret text. Search for it to find every place where a
// secret leaves the type system.
func (v Value) Reveal() string {
	if v.reveal == nil {
		return ""
	}
	return v.reveal()
}

// Equal compares two values in a time that depends on their lengths alone.
func (v Value) Equal(w Value) bool {
	return subtle.ConstantTimeCompare([]byte(v.Reveal()), []byte(w.Reveal())) == 1
}

// String returns "[redacted]".
func (v Value) String() string { return document.Redaction }

// Format prints "[redacted]" for every verb and flag.
func (v Value) Format(f fmt.State, _ rune) { redact(f, document.Redaction) }

// LogValue returns "[redacted]".
func (v Value) LogValue() slog.Value { return slog.StringValue(document.Redaction) }

// MarshalText returns "[redacted]": a Value is never stored by marshaling it.
func (v Value) MarshalText() ([]byte, error) { return []byte(document.Redaction), nil }

// UnmarshalText makes a Value of text, so that a [Kind] can decode a document
// into a struct with Values in it. The text "[redacted]" is refused with
// ErrMalformed: it is what a marshaled Value left behind, not a secret.
func (v *Value) UnmarshalText(text []byte) error {
	if string(text) == document.Redaction {
		return fmt.Errorf("%w: the text %s is what is printed in place of a secret", ErrMalformed, document.Redaction)
	}
	*v = NewValue(string(text))
	return nil
}

// GobEncode returns "[redacted]".
func (v Value) GobEncode() ([]byte, error) { return v.MarshalText() }

// GobDecode is [Value.UnmarshalText].
func (v *Value) GobDecode(text []byte) error { return v.UnmarshalText(text) }

func redact(w io.Writer, text string) { _, _ = io.WriteString(w, text) }
