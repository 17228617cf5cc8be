package tenantsecrets

import (
	"time"

	"github.com/formbridge/tenantsecrets/internal/document"
)

// APIKey is what a request to a destination is authorized with:
//
//	{"api_key": "…", "header": "Authorization", "scheme": "Bearer", "tenant_id": "t_abc123",
//	 "previous": [{"api_key": "…", "not_after": "2026-01-02T15:04:05Z"}]}
//
// Only api_key is required, and tenant_id as for every [Kind].
type APIKey struct {
	Key    Value
	Header string // "Authorization" where the document has none
	Scheme string // before the key in the header, with a space; may be empty

	// Previous are keys that were replaced, for a target system that does not know the new
	// one yet. The newest first.
	Previous []PreviousAPIKey
}

// PreviousAPIKey is an [APIKey] that was replaced.
type PreviousAPIKey struct {
	Key      Value
	NotAfter time.Time // it is not to be used from then on; zero: no end is known
}

// DestinationAPIKey is the API key of one of the tenant's destinations, at
// destinations/{name}/api_key. A name that is no part of one is ErrInvalidName from
// [Get].
func DestinationAPIKey(destination string) Kind[APIKey] {
	return Kind[APIKey]{Path: destinationPath(destination, "api_key"), Decode: decodeAPIKey, Encode: encodeAPIKey}
}

func decodeAPIKey(stored []byte) (APIKey, error) {
	d, err := document.DecodeAPIKey(string(stored))
	if err != nil {
		return APIKey{}, err
	}
	k := APIKey{Key: NewValue(d.Key), Header: d.Header, Scheme: d.Scheme}
	for _, p := range d.Previous {
		k.Previous = append(k.Previous, PreviousAPIKey{NewValue(p.Key), p.NotAfter})
	}
	return k, nil
}

func encodeAPIKey(k APIKey) ([]byte, error) {
	d := document.APIKey{Key: k.Key.Reveal(), Header: k.Header, Scheme: k.Scheme}
	for _, p := range k.Previous {
		d.Previous = append(d.Previous, document.PreviousAPIKey{Key: p.Key.Reveal(), NotAfter: p.NotAfter})
	}
	return encoded(d.Encode())
}

func encoded(text string, err error) ([]byte, error) { return []byte(text), err }
