// Package document is the stored form of a tenant's HMAC secret: its JSON codec,
// and the ring of keys that verify and sign at a given time.
//
//	{
//	  "shared_secret": "…",              the newest key, used as the bytes it stands in
//	  "created_at": "2026-01-02T15:04:05Z",   when that key was made
//	  "tenant_id": "t_abc123",
//	  "version": "1.0",
//	  "kid": "…",                        version id in which the key first appeared
//	  "sign_after": "…",                 not to be signed with before; absent: at once
//	  "previous": [{"kid", "shared_secret", "created_at", "sign_after", "not_after"}],
//	  "base": "…",                       version id this document was built from
//	  "nonce": "…",                      random: no two writes are alike
//	  "revoked": ["kid", …],             never to be accepted again
//	  "state": "active"                  or "suspended"; absent: active
//	}
//
// The first four members are required. A key may carry an "encoding" where its
// text is not the key itself. Members this package does not know survive a
// decode and encode. Nothing here quotes a document in an error.
package document

import (
	"fmt"
	"regexp"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

const (
	// MaxLength is the largest secret Secrets Manager stores, in bytes
	// (API reference, CreateSecret, SecretString).
	MaxLength = 65536

	// Redaction stands for a secret wherever one would be printed. It is refused
	// as a secret, so that a printed document can never be stored by mistake.
	Redaction = "[redacted]"

	version = "1.0"

	stateActive    = "active"
	stateSuspended = "suspended"
)

// Malformed is the error of every document that cannot be used. Its text names
// members and lengths, never what they hold.
type Malformed string

func (m Malformed) Error() string { return string(m) }

func malformed(format string, args ...any) error { return Malformed(fmt.Sprintf(format, args...)) }

// Document is a decoded HMAC secret. It is immutable once decoded.
type Document struct {
	Key                // the newest key
	TenantID  string   // whose it is, to be compared with whose it should be
	Version   string   // of the format, 1.x
	Previous  []Key    // older keys, in the order in which they are tried
	Base      string   // version id this was built from; "" for the first one or a foreign writer's
	Based     bool     // base is there, if empty: its writer knew the version before
	Revoked   []string // kids
	Suspended bool

	nonce   string
	active  bool     // an explicit "active" survives
	unknown []member // what a newer minor version or another writer added
}

// New returns the first document of a tenant.
func New(tenantID string, key Key) *Document {
	return &Document{Key: key, TenantID: tenantID, Version: version, Based: true}
}

// Decode reads a stored document. Every error is a Malformed that names all that is wrong
// with its members.
func Decode(text string) (*Document, error) {
	o, err := parseObject(text)
	if err != nil {
		return nil, err
	}
	d := &Document{}
	if !d.takeVersion(&o) { // what else a newer format holds is not ours to judge
		return nil, malformed("its format version is not 1.x; a newer release of this library may read it")
	}
	d.takeOwner(&o)
	d.Key = takeKey(&o)
	if d.CreatedAt.IsZero() {
		o.bad("created_at", "is missing")
	}
	d.takePrevious(&o)
	d.takeRevoked(&o)
	d.takeState(&o)
	d.unknown = o.rest()
	if err := o.problems.err(); err != nil {
		return nil, err
	}
	return d, nil
}

// Owner returns the tenant_id of any stored JSON object, whatever its kind.
func Owner(text string) (tenantID string, present bool, err error) {
	o, err := parseObject(text)
	if err != nil {
		return "", false, err
	}
	tenantID, present = o.text("tenant_id")
	o.rest()
	return tenantID, present, o.problems.err()
}

var majorOne = regexp.MustCompile(`^1\.[0-9]{1,9}$`)

// takeVersion returns false where the format is not 1.x. Terraform's jsonencode writes
// "1.0" without quotes as the number 1: that number is version 1.0.
func (d *Document) takeVersion(o *object) (readable bool) {
	if i := o.index("version"); i >= 0 {
		switch o.members[i].value.Kind() {
		case '"':
		case '0':
			value, _ := o.take("version")
			d.Version = version
			n, err := strconv.ParseFloat(string(value), 64)
			return err == nil && n == 1
		default:
			o.take("version")
			o.bad("version", "is neither a string nor the number 1")
			return true
		}
	}
	d.Version = o.required("version")
	return d.Version == "" || majorOne.MatchString(d.Version)
}

func (d *Document) takeOwner(o *object) {
	d.TenantID = o.required("tenant_id")
	d.Base, d.Based = o.text("base")
	d.nonce, _ = o.text("nonce")
}

func (d *Document) takePrevious(o *object) {
	o.each("previous", func(entry *object) {
		key := takeKey(entry)
		if key.KID == "" {
			entry.bad("kid", "is missing")
		}
		key.unknown = entry.rest()
		d.Previous = append(d.Previous, key)
	})
}

func (d *Document) takeRevoked(o *object) {
	for i, element := range o.list("revoked") {
		kid, _ := unquote(element)
		if kid == "" {
			o.bad(fmt.Sprintf("revoked[%d]", i), "is not a kid")
		}
		d.Revoked = append(d.Revoked, kid)
	}
}

func (d *Document) takeState(o *object) {
	state, present := o.text("state")
	d.active, d.Suspended = state == stateActive, state == stateSuspended
	if present && !d.active && !d.Suspended {
		o.bad("state", "is neither %q nor %q", stateActive, stateSuspended)
	}
}

// Encode writes the document. previous and base are always written, even when
// empty, for they tell our documents from those of a writer who does not know
// them. What Decode would refuse is not written: the error is its Malformed.
func (d *Document) Encode() (string, error) {
	var w writer
	w.open()
	w.key(&d.Key)
	w.text("tenant_id", d.TenantID)
	w.text("version", d.Version)
	w.list("previous", len(d.Previous), func(i int) {
		w.open()
		w.key(&d.Previous[i])
		w.rest(d.Previous[i].unknown)
		w.close()
	})
	w.text("base", d.Base)
	w.optional("nonce", d.nonce)
	if len(d.Revoked) > 0 {
		w.list("revoked", len(d.Revoked), func(i int) { w.element(d.Revoked[i]) })
	}
	switch {
	case d.Suspended:
		w.text("state", stateSuspended)
	case d.active:
		w.text("state", stateActive)
	}
	w.rest(d.unknown)
	w.close()
	return w.result()
}

// formatTime returns "" for the zero time, which means that a member is absent.
func formatTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// writer appends JSON to a buffer.
type writer struct {
	buf   []byte
	comma bool // something stands before the next member or element
	err   error
}

func (w *writer) open()  { w.next(); w.buf, w.comma = append(w.buf, '{'), false }
func (w *writer) close() { w.buf, w.comma = append(w.buf, '}'), true }

func (w *writer) next() {
	if w.comma {
		w.buf = append(w.buf, ',')
	}
	w.comma = true
}

func (w *writer) quote(s string) {
	var err error
	if w.buf, err = jsontext.AppendQuote(w.buf, s); err != nil {
		w.err = malformed("a member to be written is not valid UTF-8")
	}
}

func (w *writer) element(s string) { w.next(); w.quote(s) }

func (w *writer) name(name string) { w.element(name); w.buf, w.comma = append(w.buf, ':'), false }

func (w *writer) text(name, value string) { w.name(name); w.element(value) }

func (w *writer) optional(name, value string) {
	if value != "" {
		w.text(name, value)
	}
}

func (w *writer) list(name string, length int, element func(i int)) {
	w.name(name)
	w.buf = append(w.buf, '[')
	for i := range length {
		element(i)
	}
	w.buf, w.comma = append(w.buf, ']'), true
}

func (w *writer) key(k *Key) {
	w.text("shared_secret", k.Secret)
	w.optional("encoding", k.Encoding)
	w.optional("created_at", formatTime(k.CreatedAt))
	w.optional("kid", k.KID)
	w.optional("sign_after", formatTime(k.SignAfter))
	w.optional("not_after", formatTime(k.NotAfter))
}

func (w *writer) rest(unknown []member) {
	for _, m := range unknown {
		w.name(m.name)
		w.buf, w.comma = append(w.buf, m.value...), true
	}
}

func (w *writer) result() (string, error) {
	if w.err != nil {
		return "", w.err
	}
	text := string(w.buf)
	if _, err := Decode(text); err != nil {
		return "", err
	}
	return text, nil
}
