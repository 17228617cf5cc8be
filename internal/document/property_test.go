package document

import (
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"
)

func TestDecodeIsTheInverseOfEncode(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawDocument(t)
		text, err := d.Encode()
		if err != nil {
			t.Fatalf("Encode: %v", err)
		}
		decoded, err := Decode(text)
		if err != nil {
			t.Fatalf("Decode: %v", err)
		}
		if !equal(decoded, d) {
			t.Fatal("decoded is not what was encoded")
		}
		if again, err := decoded.Encode(); err != nil || again != text {
			t.Fatalf("encoded again it differs (%v)", err)
		}
		if owner, present, err := Owner(text); owner != d.TenantID || !present || err != nil {
			t.Fatalf("Owner = %v, %v", present, err)
		}
	})
}

// The members whose names a document's own may not differ from in case alone.
var (
	keyNames      = []string{"shared_secret", "encoding", "created_at", "kid", "sign_after", "not_after"}
	documentNames = append(keyNames[:6:6], "tenant_id", "version", "previous", "base", "revoked", "state")
)

func drawDocument(t *rapid.T) *Document {
	d := New(drawText(t, "tenant"), drawKey(t))
	d.Version = "1." + rapid.StringMatching(`[0-9]{1,9}`).Draw(t, "minor")
	d.Previous = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Key {
		k := drawKey(t)
		k.KID = drawText(t, "kid")
		if rapid.Bool().Draw(t, "without created_at") {
			k.CreatedAt = time.Time{}
		}
		k.unknown = drawUnknown(t, keyNames)
		return k
	}), 0, 10).Draw(t, "previous")
	d.Base = rapid.String().Draw(t, "base")
	d.Revoked = rapid.SliceOfN(rapid.StringN(1, 40, -1), 0, 5).Draw(t, "revoked")
	switch rapid.IntRange(0, 2).Draw(t, "state") {
	case 1:
		d.active = true
	case 2:
		d.Suspended = true
	}
	d.unknown = drawUnknown(t, documentNames)
	return d
}

func drawKey(t *rapid.T) Key {
	k := Key{
		KID:       rapid.String().Draw(t, "kid"),
		CreatedAt: time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "created_at"), 0).UTC(),
		Window:    Window{SignAfter: drawTime(t, "sign_after"), NotAfter: drawTime(t, "not_after")},
	}
	raw := rapid.SliceOfN(rapid.Byte(), MinKey, MaxKey).Draw(t, "key")
	k.Encoding = rapid.SampledFrom([]string{"", "hex", "base64", "base64url", "whsec"}).Draw(t, "encoding")
	switch k.Encoding {
	case "":
		k.Secret = rapid.StringN(MinKey, -1, MaxKey).Draw(t, "secret")
	case "hex":
		k.Secret = hex.EncodeToString(raw)
	case "base64":
		k.Secret = base64.StdEncoding.EncodeToString(raw)
	case "base64url":
		k.Secret = base64.RawURLEncoding.EncodeToString(raw)
	case "whsec":
		k.Secret = strings.TrimRight(Whsec(raw), "=")
	}
	return k
}

func drawText(t *rapid.T, label string) string { return rapid.StringN(1, 40, -1).Draw(t, label) }

// drawTime draws any time that can be written, or none.
func drawTime(t *rapid.T, label string) time.Time {
	if rapid.Bool().Draw(t, "no "+label) {
		return time.Time{}
	}
	first, last := time.Time{}.Unix()+1, time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC).Unix()-1
	return time.Unix(rapid.Int64Range(first, last).Draw(t, label), rapid.Int64Range(0, 1e9-1).Draw(t, label)).UTC()
}

func drawUnknown(t *rapid.T, known []string) []member {
	taken := func(name string) bool {
		return slices.ContainsFunc(known, func(k string) bool { return strings.EqualFold(k, name) })
	}
	return rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) member {
		name := rapid.OneOf(rapid.StringMatching(`[a-zA-Z_]{1,8}`), rapid.String()).Filter(func(s string) bool { return !taken(s) })
		return member{name.Draw(t, "name"), jsontext.Value(drawJSON(t, 3))}
	}), 0, 4, func(m member) string { return fold(m.name) }).Draw(t, "unknown")
}

// drawJSON draws a value with white space and escapes as another writer might
// leave them.
func drawJSON(t *rapid.T, depth int) string {
	space := rapid.SampledFrom([]string{"", " ", "\n\t"}).Draw(t, "space")
	scalars := []string{"null", "true", "0", "-0", "1.50e+1", "123456789012345678901234567890", `""`, `"\u00e9\ud83d\ude00\/"`}
	kind := rapid.IntRange(0, 4).Draw(t, "kind")
	switch {
	case kind == 0 || depth == 0:
		return rapid.SampledFrom(scalars).Draw(t, "scalar")
	case kind == 1:
		return quoted(rapid.String().Draw(t, "string"))
	case kind == 2:
		return "[" + space + "]"
	case kind == 3:
		return "[" + space + drawJSON(t, depth-1) + "," + space + drawJSON(t, depth-1) + "]"
	default:
		name := rapid.String().Draw(t, "name")
		return "{" + quoted(name) + space + ":" + drawJSON(t, depth-1) + "," + space + quoted(name+"2") + ":1}"
	}
}

func quoted(s string) string {
	b, err := jsontext.AppendQuote(nil, s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func TestRingIsSafe(t *testing.T) {
	var secrets []string
	for range 6 {
		secrets = append(secrets, random(t, 32))
	}
	ids := rapid.SampledFrom([]string{"v1", "v2", "v3", "v4", "v5"})
	drawVersion := func(t *rapid.T) Version {
		keys := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Key {
			k := Key{KID: ids.Draw(t, "kid"), Secret: rapid.SampledFrom(secrets).Draw(t, "secret"), CreatedAt: t0}
			if rapid.Bool().Draw(t, "hex") {
				inHex(&k)
			}
			if rapid.Bool().Draw(t, "ends") {
				k.NotAfter = t0.Add(time.Duration(rapid.IntRange(-2, 48).Draw(t, "not_after")) * time.Hour)
			}
			return k
		}), 1, 12).Draw(t, "keys")
		if rapid.Bool().Draw(t, "without kid") {
			keys[0].KID = ""
		}
		v := stored(ids.Draw(t, "id"), ids.Draw(t, "base"), keys...)
		return revoking(v, rapid.SliceOfN(ids, 0, 2).Draw(t, "revoked")...)
	}
	rapid.Check(t, func(t *rapid.T) {
		current, previous := drawVersion(t), drawVersion(t)
		ring := Ring(current, &previous, t0)
		checkRing(t, ring)
		alone := Ring(current, nil, t0)
		checkRing(t, alone)
		foreign := previous.ID != current.Document.Base && previous.ID != current.ID

		revoked := current.Document.Revoked
		if foreign {
			revoked = append(slices.Clone(revoked), previous.Document.Revoked...)
		} else if !slices.EqualFunc(ring, alone, same) {
			t.Fatal("a base that was read gives another ring than one that was not")
		}
		var all []Key // of both documents, in ring order, under the kids written there
		all = append(all, named(current)...)
		if foreign {
			all = append(all, named(previous)...)
		}
		next := 0
		for _, k := range ring {
			if slices.Contains(revoked, k.KID) {
				t.Fatal("a revoked kid is in the ring")
			}
			for _, other := range all {
				if bytesOf(t, other) == bytesOf(t, k) && slices.Contains(revoked, other.KID) {
					t.Fatal("a revoked key's bytes are in the ring")
				}
			}
			found := slices.IndexFunc(all[next:], func(other Key) bool { return bytesOf(t, other) == bytesOf(t, k) })
			if found < 0 {
				t.Fatal("the ring is not in document order")
			}
			next += found
		}
		for _, k := range all {
			in := slices.ContainsFunc(ring, func(r Key) bool { return bytesOf(t, r) == bytesOf(t, k) })
			if !in && len(revoked) == 0 {
				t.Fatal("a key that nobody revoked is not in the ring")
			}
		}
		for _, k := range ring[min(len(alone), len(ring)):] {
			if foreign && len(revoked) == 0 && (k.NotAfter.IsZero() || k.NotAfter.After(t0.Add(ForeignGrace))) {
				t.Fatal("a foreign key outlives its grace")
			}
		}
	})
}

// named returns a document's keys in order, the first under the version's id
// where it has no kid.
func named(v Version) []Key {
	keys := append([]Key{v.Document.Key}, v.Document.Previous...)
	if keys[0].KID == "" {
		keys[0].KID = v.ID
	}
	return keys
}

func same(a, b Key) bool { return a.KID == b.KID && a.Secret == b.Secret && a.Window == b.Window }

func bytesOf(t rapid.TB, k Key) string {
	b, err := k.Bytes()
	if err != nil {
		t.Fatalf("a key of a ring has no bytes: %v", err)
	}
	return string(b)
}

// checkRing holds any ring to what holds without knowing its documents.
func checkRing(t rapid.TB, ring []Key) {
	seen := map[string]bool{}
	windows := make([]Window, len(ring))
	for i, k := range ring {
		if b := bytesOf(t, k); seen[b] {
			t.Fatal("two keys of a ring have the same bytes")
		} else {
			seen[b] = true
		}
		if k.KID == "" {
			t.Fatal("a key of a ring has no kid")
		}
		windows[i] = k.Window
	}
	for _, at := range []time.Time{t0, t0.Add(time.Hour), t0.Add(24 * time.Hour), t0.Add(25 * time.Hour)} {
		checkSelection(t, windows, at)
	}
}

func TestSelectIsSafe(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bound := func(t *rapid.T, label string) time.Time {
			if n := rapid.IntRange(0, 6).Draw(t, label); n > 0 {
				return t0.Add(time.Duration(n) * time.Microsecond)
			}
			return time.Time{}
		}
		ring := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Window {
			return Window{SignAfter: bound(t, "sign_after"), NotAfter: bound(t, "not_after")}
		}), 0, 20).Draw(t, "ring")
		at := t0.Add(time.Duration(rapid.IntRange(0, 7).Draw(t, "at")) * time.Microsecond)
		checkSelection(t, ring, at)
		bounds := boundsOf(ring)
		before, after := Select(bounds, at.Add(-1000*time.Hour)), Select(bounds, at)
		if Timeless(bounds) && before != after {
			t.Fatal("a timeless ring changes with time")
		}
	})
}

// checkSelection compares a Selection with its definition.
func checkSelection(t rapid.TB, ring []Window, at time.Time) {
	var live []uint16
	signing := -1
	for i, w := range ring {
		ended := !w.NotAfter.IsZero() && !w.NotAfter.After(at)
		if ended || len(live) == 8 {
			continue
		}
		live = append(live, uint16(i))
		if signing < 0 && !w.SignAfter.After(at) {
			signing = i
		}
	}
	s := Select(boundsOf(ring), at)
	if !slices.Equal(s.Live(), live) {
		t.Fatalf("live = %v, want %v", s.Live(), live)
	}
	got, ok := s.Signing()
	if ok != (signing >= 0) || ok && got != signing {
		t.Fatalf("signing = %d, %v, want %d", got, ok, signing)
	}
}
