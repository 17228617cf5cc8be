package document_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/formbridge/tenantsecrets/internal/document"
)

// vectors are what implementations in other languages are held to, see docs/ring.md.
type vectors struct {
	Message string
	Vectors []vector
}

type vector struct {
	Name, Tenant      string
	Current, Previous *written
	LastChanged       *time.Time `json:"last_changed"`
	At                time.Time
	Failure, Signing  *string
	Live              []liveKey
}

type written struct {
	ID       string
	Created  time.Time
	Document string
}

type liveKey struct{ KID, HMAC string }

func TestVectors(t *testing.T) {
	text, err := os.ReadFile("../../docs/ring/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var file vectors
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Vectors) == 0 {
		t.Fatal("no vectors")
	}
	for _, v := range file.Vectors {
		t.Run(v.Name, func(t *testing.T) { v.check(t, file.Message) })
	}
}

func (v *vector) check(t *testing.T, message string) {
	live, signing, failure := v.answer(t, message)
	if want := orEmpty(v.Failure); failure != want {
		t.Errorf("failure %q, want %q", failure, want)
	}
	if !slices.Equal(live, v.Live) {
		t.Errorf("live %v, want %v", live, v.Live)
	}
	if want := orEmpty(v.Signing); signing != want {
		t.Errorf("signing %q, want %q", signing, want)
	}
}

func orEmpty(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

// answer is what this package makes of a vector, the way a load does. No kid and no
// failure is the empty text.
func (v *vector) answer(t *testing.T, message string) (live []liveKey, signing, failure string) {
	current, ok := v.Current.decode()
	switch {
	case !ok:
		return nil, "", "malformed"
	case current.Document.TenantID != v.Tenant:
		return nil, "", "wrong_tenant"
	case current.Document.Suspended:
		return nil, "", "suspended"
	}
	var previous *document.Version
	if v.Previous != nil {
		if p, ok := v.Previous.decode(); ok {
			previous = &p
		}
	}
	var changed time.Time
	if v.LastChanged != nil {
		changed = *v.LastChanged
	}
	ring := document.Ring(current, previous, changed)
	var bounds []document.Bounds
	for _, k := range ring {
		bounds = append(bounds, k.Bounds())
	}
	selection := document.Select(bounds, v.At)
	for _, i := range selection.Live() {
		live = append(live, liveKey{ring[i].KID, sum(t, ring[i], message)})
	}
	if len(live) == 0 {
		return nil, "", "no_key"
	}
	if i, ok := selection.Signing(); ok {
		signing = ring[i].KID
	}
	return live, signing, ""
}

func (w *written) decode() (document.Version, bool) {
	d, err := document.Decode(w.Document)
	return document.Version{ID: w.ID, Created: w.Created, Document: d}, err == nil
}

func sum(t *testing.T, k document.Key, message string) string {
	t.Helper()
	key, err := k.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	h := hmac.New(sha256.New, key)
	h.Write([]byte(message))
	return hex.EncodeToString(h.Sum(nil))
}
