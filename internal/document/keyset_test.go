package document

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var keysetKind = kindOf[Keyset]{
	least: shape{
		{"primary", `"k1"`},
		{"keys", `[{"kid":"k1","material":"MARKER","status":"enabled"}]`},
		{"tenant_id", `"MARKER"`},
		note,
	},
	decode: DecodeKeyset,
	encode: Keyset.Encode,
	trim: func(k *Keyset) {
		k.Keys = slices.Clone(k.Keys)
		for i := range k.Keys {
			if len(k.Keys[i].Material) == 0 {
				k.Keys[i].Material = nil
			}
		}
	},
}

// bytesOfBase64 decodes what a test has written.
func bytesOfBase64(text string) []byte {
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		panic(err)
	}
	return b
}

func one(m string) DataKey { return DataKey{KID: "k1", Material: bytesOfBase64(m), Status: KeyEnabled} }

func keyList(entries ...string) []string {
	return []string{"keys", "[" + strings.Join(entries, ",") + "]"}
}

const (
	enabled1  = `{"kid":"k1","material":"MARKER","status":"enabled"}`
	destroyed = `{"kid":"k0","status":"destroyed"}`
)

var keysetsAccepted = []form[Keyset]{
	{"one key", nil, func(m string) Keyset { return Keyset{"k1", []DataKey{one(m)}} }},
	{"one of each status", keyList(
		`{"kid":"k2","material":"MARKERMARKER","status":"enabled","created_at":"2026-01-02T15:04:05Z"}`,
		`{"created_at":"2026-01-02T15:04:05+01:00","status":"decrypt_only","kid":"k3","material":"MARKER"}`,
		enabled1, destroyed,
	), func(m string) Keyset {
		return Keyset{"k1", []DataKey{
			{"k2", bytesOfBase64(m + m), KeyEnabled, time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)},
			{"k3", bytesOfBase64(m), KeyDecryptOnly, time.Date(2026, 1, 2, 14, 4, 5, 0, time.UTC)},
			one(m),
			{KID: "k0", Status: KeyDestroyed},
		}}
	}},
	{"16 bytes", keyList(`{"kid":"k1","material":"` + zeros(16) + `","status":"enabled"}`), func(string) Keyset {
		return Keyset{"k1", []DataKey{{KID: "k1", Material: make([]byte, 16), Status: KeyEnabled}}}
	}},
	{"64 bytes", keyList(`{"kid":"k1","material":"` + zeros(64) + `","status":"enabled"}`), func(string) Keyset {
		return Keyset{"k1", []DataKey{{KID: "k1", Material: make([]byte, 64), Status: KeyEnabled}}}
	}},
	{"base64 without padding", keyList(`{"kid":"k1","material":"` + strings.TrimRight(zeros(32), "=") + `","status":"enabled"}`), func(string) Keyset {
		return Keyset{"k1", []DataKey{{KID: "k1", Material: make([]byte, 32), Status: KeyEnabled}}}
	}},
	{"a destroyed key with an empty material", keyList(enabled1, `{"kid":"k0","status":"destroyed","material":""}`), func(m string) Keyset {
		return Keyset{"k1", []DataKey{one(m), {KID: "k0", Status: KeyDestroyed}}}
	}},
	{"members of others in a key", keyList(`{"kid":"k1","material":"MARKER","status":"enabled","algorithm":{"MARKER":1}}`), func(m string) Keyset {
		return Keyset{"k1", []DataKey{one(m)}}
	}},
}

func zeros(n int) string { return base64.StdEncoding.EncodeToString(make([]byte, n)) }

func keyWith(member, value string) []string {
	return keyList("{" + strings.TrimPrefix(keyShape.text("MARKER", member, value), "{"))
}

var keyShape = shape{{"kid", `"k1"`}, {"material", `"MARKER"`}, {"status", `"enabled"`}}

const (
	noPrimaryKey  = "primary is the kid of none of the keys"
	noEnabledKey  = "primary is the kid of a key that is not enabled"
	noStatus      = "keys[0].status is none of enabled, decrypt_only and destroyed"
	noMaterial    = "keys[0].material has 0 bytes, and a key has 16 to 64"
	noBase64      = "keys[0].material is not base64"
	stillMaterial = "keys[1].status is destroyed, and its material is still there"
)

var keysetsRefused = []refusal{
	{"no primary", []string{"primary", ``}, "primary is missing"},
	{"an empty primary", []string{"primary", `""`}, "primary is empty"},
	{"two primaries in a list", []string{"primary", `["k1","k2"]`}, "primary is not a string"},
	{"two primaries", []string{"primary", `"k1","primary":"k2"`}, "a member stands twice"},
	{"two primaries in two cases", []string{"Primary", `"k1"`}, "a member stands twice, in different case"},
	{"a primary that is not there", []string{"primary", `"MARKER"`}, noPrimaryKey},
	{"a primary in another case", []string{"primary", `"K1"`}, noPrimaryKey},
	{"a primary that only decrypts", keyWith("status", `"decrypt_only"`), noEnabledKey},
	{"a primary that is destroyed", append([]string{"primary", `"k0"`}, keyList(enabled1, destroyed)...), noEnabledKey},
	{"no keys", []string{"keys", ``}, "keys is missing"},
	{"an empty list of keys", keyList(), noPrimaryKey},
	{"an object for keys", []string{"keys", `{"k1":"MARKER"}`}, "keys is not an array"},
	{"null for keys", []string{"keys", `null`}, "keys is not an array"},
	{"a text for a key", keyList(`"MARKER"`), "keys[0] is not an object"},
	{"two keys under one kid", keyList(enabled1, `{"kid":"k1","material":"MARKERMARKER","status":"decrypt_only"}`), "keys[1].kid is that of another key too"},
	{"a key without kid", keyWith("kid", ``), "keys[0].kid is missing"},
	{"a key with an empty kid", keyWith("kid", `""`), "keys[0].kid is empty"},
	{"a number for a kid", keyWith("kid", `1`), "keys[0].kid is not a string"},
	{"no status", keyWith("status", ``), "keys[0].status is missing"},
	{"an unknown status", keyWith("status", `"disabled"`), noStatus},
	{"a status in upper case", keyWith("status", `"ENABLED"`), noStatus},
	{"Status", keyWith("Status", `"MARKER"`), "a member stands twice, in different case"},
	{"no material", keyWith("material", ``), noMaterial},
	{"an empty material", keyWith("material", `""`), noMaterial},
	{"null for material", keyWith("material", `null`), "keys[0].material is not a string"},
	{"a redacted material", keyWith("material", `"[redacted]"`), "keys[0].material is the text that is printed in place of a secret"},
	{"a material of 15 bytes", keyWith("material", `"`+zeros(15)+`"`), "keys[0].material has 15 bytes, and a key has 16 to 64"},
	{"a material of 65 bytes", keyWith("material", `"`+zeros(65)+`"`), "keys[0].material has 65 bytes, and a key has 16 to 64"},
	{"base64url", keyWith("material", `"MARKER-_-_"`), noBase64},
	{"hex of odd length", keyWith("material", `"MARKERa"`), noBase64},
	{"a line break in base64", keyWith("material", `"MARKER\n"`), noBase64},
	{"bits behind the last byte", keyWith("material", `"MARKERMB=="`), noBase64},
	{"a destroyed key that is still there", keyList(enabled1, `{"kid":"k0","status":"destroyed","material":"MARKER"}`), stillMaterial},
	{"a day for created_at", keyWith("created_at", `"2026-01-02"`), "keys[0].created_at is not an RFC 3339 time"},
	{"KID beside kid", keyWith("KID", `"k2"`), "a member stands twice, in different case"},
	{"Created_At", keyWith("Created_At", `"2026-01-02T15:04:05Z"`), "keys[0].created_at is written in another case"},
}

func TestDecodeKeyset(t *testing.T) {
	t.Run("accepted", func(t *testing.T) { keysetKind.accepts(t, keysetsAccepted) })
	t.Run("refused", func(t *testing.T) { keysetKind.refuses(t, keysetsRefused) })
}

// What could not be read back is not written.
func TestEncodeKeysetRefused(t *testing.T) {
	for _, tt := range []struct {
		what string
		edit func(*Keyset)
		want string
	}{
		{"no primary", func(k *Keyset) { k.Primary = "" }, "primary is empty"},
		{"a primary that is not there", func(k *Keyset) { k.Primary = "k9" }, noPrimaryKey},
		{"no keys", func(k *Keyset) { k.Keys = nil }, noPrimaryKey},
		{"no status", func(k *Keyset) { k.Keys[0].Status = "" }, "keys[0].status is empty"},
		{"a short key", func(k *Keyset) { k.Keys[0].Material = k.Keys[0].Material[:15] }, "keys[0].material has 15 bytes, and a key has 16 to 64"},
		{"a redacted key", func(k *Keyset) { k.Keys[0].Material = []byte(Redaction) }, "keys[0].material has 10 bytes, and a key has 16 to 64"},
		{"a destroyed key that is still there", func(k *Keyset) {
			k.Keys = append(k.Keys, DataKey{KID: "k0", Material: k.Keys[0].Material, Status: KeyDestroyed})
		}, stillMaterial},
		{"a kid twice", func(k *Keyset) { k.Keys = append(k.Keys, k.Keys[0]) }, "keys[1].kid is that of another key too"},
	} {
		t.Run(tt.what, func(t *testing.T) {
			marker := newMarker()
			k := Keyset{"k1", []DataKey{one(marker)}}
			tt.edit(&k)
			text, err := k.Encode()
			checkSays(t, err, tt.want, marker)
			if text != "" {
				t.Error("there is a text all the same")
			}
		})
	}
}

func TestKeysetRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var k Keyset
		for i := range rapid.IntRange(1, 5).Draw(t, "keys") {
			key := DataKey{
				KID:       fmt.Sprint(i, rapid.String().Draw(t, "kid")),
				Status:    rapid.SampledFrom([]string{KeyEnabled, KeyDecryptOnly, KeyDestroyed}).Draw(t, "status"),
				CreatedAt: drawTime(t, "created_at"),
			}
			if i == 0 {
				k.Primary, key.Status = key.KID, KeyEnabled
			}
			if key.Status != KeyDestroyed {
				key.Material = rapid.SliceOfN(rapid.Byte(), minDataKey, maxDataKey).Draw(t, "material")
			}
			k.Keys = append(k.Keys, key)
		}
		keysetKind.checkRoundTrip(t, k)
	})
}
