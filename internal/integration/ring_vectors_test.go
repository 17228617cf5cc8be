package integration

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/formbridge/tenantsecrets/internal/document"
)

var update = flag.Bool("update", false, "add the vectors that docs/ring/vectors.json lacks")

// ringFile is docs/ring/vectors.json: docs/ring.md says what its members are.
type ringFile struct {
	About   string       `json:"about"`
	Message string       `json:"message"`
	Vectors []ringVector `json:"vectors"`
}

const (
	aboutVectors  = "Test vectors for docs/ring.md. The keys in here were generated for them, and protect nothing."
	vectorMessage = `{"event":"order.paid","note":"café ✓"}`
)

type ringVector struct {
	Name        string          `json:"name"`
	Tenant      string          `json:"tenant"`
	Current     writtenVersion  `json:"current"`
	Previous    *writtenVersion `json:"previous"`
	LastChanged *time.Time      `json:"last_changed"`
	At          time.Time       `json:"at"`
	Failure     *string         `json:"failure"`
	Live        []liveKey       `json:"live"`
	Signing     *string         `json:"signing"`
}

type writtenVersion struct {
	ID       string    `json:"id"`
	Created  time.Time `json:"created"`
	Document string    `json:"document"`
}

type liveKey struct {
	KID  string `json:"kid"`
	HMAC string `json:"hmac"`
}

// answered returns the vector with what this library makes of it.
func (v ringVector) answered(t *testing.T) ringVector {
	t.Helper()
	v.Live, v.Signing, v.Failure = []liveKey{}, nil, nil
	fails := func(how string) ringVector { v.Failure = &how; return v }
	current, err := document.Decode(v.Current.Document)
	switch {
	case err != nil:
		return fails("malformed")
	case current.TenantID != v.Tenant:
		return fails("wrong_tenant")
	case current.Suspended:
		return fails("suspended")
	}
	ring := v.ring(current)
	bounds := make([]document.Bounds, len(ring))
	for i, k := range ring {
		bounds[i] = k.Bounds()
	}
	selection := document.Select(bounds, v.At)
	for _, i := range selection.Live() {
		v.Live = append(v.Live, liveKey{ring[i].KID, tagOf(t, ring[i])})
	}
	if len(v.Live) == 0 {
		return fails("no_key")
	}
	if i, ok := selection.Signing(); ok {
		v.Signing = &ring[i].KID
	}
	return v
}

func (v *ringVector) ring(current *document.Document) []document.Key {
	var previous *document.Version
	if v.Previous != nil {
		if d, err := document.Decode(v.Previous.Document); err == nil {
			previous = &document.Version{ID: v.Previous.ID, Created: v.Previous.Created, Document: d}
		}
	}
	var changed time.Time
	if v.LastChanged != nil {
		changed = *v.LastChanged
	}
	return document.Ring(document.Version{ID: v.Current.ID, Created: v.Current.Created, Document: current}, previous, changed)
}

// tagOf is the key's tag of the message, by the standard library.
func tagOf(t *testing.T, k document.Key) string {
	t.Helper()
	key, err := k.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	h := hmac.New(sha256.New, key)
	h.Write([]byte(vectorMessage))
	return hex.EncodeToString(h.Sum(nil))
}

var vectorsPath = filepath.Join("..", "..", "docs", "ring", "vectors.json")

func readVectors(t *testing.T) (file ringFile) {
	t.Helper()
	text, err := os.ReadFile(vectorsPath)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	return file
}

func writeVectors(t *testing.T, path string, vectors []ringVector) {
	t.Helper()
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(ringFile{aboutVectors, vectorMessage, vectors}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestVectorsAreComplete compares the published vectors with those that there are to
// be. One that is published stays as it is, for documents like it are stored; to make
// one anew, delete it from the file first.
func TestVectorsAreComplete(t *testing.T) {
	vectors := append(chainVectors(t), caseVectors(t)...)
	published := map[string]ringVector{}
	if _, err := os.Stat(vectorsPath); err == nil || !*update {
		for _, v := range readVectors(t).Vectors {
			published[v.Name] = v
		}
	}
	for i, v := range vectors {
		if old, ok := published[v.Name]; ok {
			vectors[i] = old
			delete(published, v.Name)
		} else if !*update {
			t.Errorf("%q is not in %s: run this test with -update", v.Name, vectorsPath)
		}
		if slices.ContainsFunc(vectors[:i], func(other ringVector) bool { return other.Name == v.Name }) {
			t.Errorf("%q is there twice", v.Name)
		}
	}
	for name := range published {
		t.Errorf("%q is in %s, and nothing makes it", name, vectorsPath)
	}
	if *update {
		writeVectors(t, vectorsPath, vectors)
	}
}
