package document

import (
	"encoding/base64"
	"slices"
	"time"
)

// Keyset is encryption keys, of which one encrypts:
//
//	{"primary": "kid", "keys": [{"kid", "material", "status", "created_at"}]}
//
// material is the key in base64. A destroyed key has none: its entry says that what it
// encrypted is lost on purpose.
type Keyset struct {
	Primary string
	Keys    []DataKey
}

// DataKey is one key of a keyset.
type DataKey struct {
	KID       string
	Material  []byte
	Status    string
	CreatedAt time.Time // zero: not known
}

// The statuses of a key.
const (
	KeyEnabled     = "enabled"      // encrypts, if it is the primary, and decrypts
	KeyDecryptOnly = "decrypt_only" // decrypts
	KeyDestroyed   = "destroyed"
)

// The shortest and longest encryption key in bytes: AES-128, and AES-256 in a mode that
// takes two keys.
const (
	minDataKey = 16
	maxDataKey = 64
)

// DecodeKeyset reads one. The error is a Malformed.
func DecodeKeyset(text string) (k Keyset, err error) {
	err = decodeKind(text, k.take)
	return k, err
}

func (k *Keyset) take(o *object) {
	k.Primary = o.required("primary")
	if o.index("keys") < 0 {
		o.bad("keys", "is missing")
	}
	kids := map[string]bool{}
	o.each("keys", func(entry *object) {
		key := takeDataKey(entry)
		if kids[key.KID] {
			entry.bad("kid", "is that of another key too")
		}
		kids[key.KID] = true
		entry.rest()
		k.Keys = append(k.Keys, key)
	})
	k.checkPrimary(o)
}

// checkPrimary looks for the primary among the keys, if all of them could be read.
func (k *Keyset) checkPrimary(o *object) {
	if o.problems.within("keys") {
		return
	}
	i := slices.IndexFunc(k.Keys, func(key DataKey) bool { return key.KID == k.Primary })
	switch {
	case i < 0:
		o.bad("primary", "is the kid of none of the keys")
	case k.Keys[i].Status != KeyEnabled:
		o.bad("primary", "is the kid of a key that is not %s", KeyEnabled)
	}
}

func takeDataKey(o *object) (k DataKey) {
	k.KID = o.required("kid")
	k.Status = o.required("status")
	k.CreatedAt = o.instant("created_at")
	var err error
	if k.Material, err = decodeBase64(base64.StdEncoding, base64.RawStdEncoding, o.optionalSecret("material")); err != nil {
		o.bad("material", "is not base64")
	}
	k.check(o)
	return k
}

func (k *DataKey) check(o *object) {
	switch k.Status {
	case KeyEnabled, KeyDecryptOnly:
		if n := len(k.Material); n < minDataKey || n > maxDataKey {
			o.bad("material", "has %d bytes, and a key has %d to %d", n, minDataKey, maxDataKey)
		}
	case KeyDestroyed:
		if len(k.Material) > 0 {
			o.bad("status", "is %s, and its material is still there", KeyDestroyed)
		}
	default:
		o.bad("status", "is none of %s, %s and %s", KeyEnabled, KeyDecryptOnly, KeyDestroyed)
	}
}

// Encode writes it. The error is a Malformed.
func (k Keyset) Encode() (string, error) {
	return encodeKind(func(w *writer) {
		w.text("primary", k.Primary)
		w.list("keys", len(k.Keys), func(i int) {
			key := k.Keys[i]
			w.open()
			w.text("kid", key.KID)
			w.optional("material", base64.StdEncoding.EncodeToString(key.Material))
			w.text("status", key.Status)
			w.time("created_at", key.CreatedAt)
			w.close()
		})
	}, DecodeKeyset)
}
