package integration

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"testing"
	"time"
)

// ringCase is a vector chosen by hand.
type ringCase struct {
	name       string
	current    any       // a stored or, as text, anything
	previous   any       // of version 1; nil: there is none
	previously int       // the version that previous is; 0: version 1
	changed    time.Time // LastChangedDate; zero: it is not known
	at         time.Time // zero: an hour after the current version was made
}

// The previous version is version 1 and the current one version 2, an hour younger.
var (
	madeFirst  = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	madeSecond = madeFirst.Add(time.Hour)
	asked      = madeSecond.Add(time.Hour)
)

const (
	v1 = "00000000-0000-4000-8000-000000000001"
	v2 = "00000000-0000-4000-8000-000000000002"
	v7 = "00000000-0000-4000-8000-000000000007"
	v8 = "00000000-0000-4000-8000-000000000008"
	v9 = "00000000-0000-4000-8000-000000000009"
)

// stored is a document, or an entry of previous. Members that are empty are left out.
type stored struct {
	Secret    string   `json:"shared_secret,omitempty"`
	Encoding  string   `json:"encoding,omitempty"`
	Created   string   `json:"created_at,omitempty"`
	Tenant    string   `json:"tenant_id,omitempty"`
	Version   string   `json:"version,omitempty"`
	KID       string   `json:"kid,omitempty"`
	SignAfter string   `json:"sign_after,omitempty"`
	NotAfter  string   `json:"not_after,omitempty"`
	Previous  []stored `json:"previous,omitempty"`
	Base      string   `json:"base,omitempty"`
	Revoked   []string `json:"revoked,omitempty"`
	State     string   `json:"state,omitempty"`
}

// letters name the keys of one case.
type letters map[string]string

// secret is the key of a letter, the same one each time.
func (l letters) secret(letter string) string {
	if l[letter] == "" {
		l[letter] = freshSecret()
	}
	return l[letter]
}

// key is one under a kid; edits are applied to it.
func (l letters) key(letter, kid string, edits ...func(*stored)) stored {
	k := stored{Secret: l.secret(letter), KID: kid}
	for _, edit := range edits {
		edit(&k)
	}
	return k
}

// document has a newest key and older ones.
func (l letters) document(keys ...stored) stored {
	d := keys[0]
	d.Created, d.Tenant, d.Version, d.Previous = rfc3339(madeFirst), chainTenant, "1.0", keys[1:]
	return d
}

func (d stored) with(edits ...func(*stored)) stored {
	for _, edit := range edits {
		edit(&d)
	}
	return d
}

func rfc3339(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

func endsAt(t time.Time) func(*stored) { return func(k *stored) { k.NotAfter = rfc3339(t) } }

func ends(text string) func(*stored) { return func(k *stored) { k.NotAfter = text } }

func signsFrom(t time.Time) func(*stored) { return func(k *stored) { k.SignAfter = rfc3339(t) } }

func base(id string) func(*stored) { return func(d *stored) { d.Base = id } }

func revoked(kids ...string) func(*stored) { return func(d *stored) { d.Revoked = kids } }

func state(s string) func(*stored) { return func(d *stored) { d.State = s } }

func of(tenant string) func(*stored) { return func(d *stored) { d.Tenant = tenant } }

func format(version string) func(*stored) { return func(d *stored) { d.Version = version } }

func written(secret, encoding string) func(*stored) {
	return func(k *stored) { k.Secret, k.Encoding = secret, encoding }
}

// inHex writes a key's bytes in another way.
func inHex(k *stored) { k.Secret, k.Encoding = hex.EncodeToString([]byte(k.Secret)), "hex" }

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return b
}

// withPlus returns bytes in whose base64 the alphabets differ, and that needs padding.
func withPlus() []byte { return append([]byte{0xfb, 0xff, 0xbf}, randomBytes(29)...) }

// eightLetters returns as many that have two bytes each in UTF-8.
func eightLetters() string {
	letters := make([]rune, 8)
	for i, b := range randomBytes(8) {
		letters[i] = 'À' + rune(b%64)
	}
	return string(letters)
}

func inBase64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

// vector writes a case down.
func (c *ringCase) vector(t *testing.T) ringVector {
	t.Helper()
	v := ringVector{
		Name: c.name, Tenant: chainTenant, At: c.at,
		Current: writtenVersion{v2, madeSecond, textOf(t, c.current)},
	}
	if c.at.IsZero() {
		v.At = asked
	}
	if c.previous != nil {
		v.Previous = &writtenVersion{versionNumber(max(1, c.previously)), madeFirst, textOf(t, c.previous)}
	}
	if !c.changed.IsZero() {
		v.LastChanged = &c.changed
	}
	return v.answered(t)
}

func textOf(t *testing.T, document any) string {
	t.Helper()
	if text, ok := document.(string); ok {
		return text
	}
	text, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
