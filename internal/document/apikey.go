package document

import "time"

// APIKey is what requests to a destination are authorized with:
//
//	{"api_key", "header", "scheme", "previous": [{"api_key", "not_after"}]}
type APIKey struct {
	Key, Header, Scheme string
	Previous            []PreviousAPIKey
}

// PreviousAPIKey is one that was replaced.
type PreviousAPIKey struct {
	Key      string
	NotAfter time.Time // zero: no end is known
}

const authorization = "Authorization"

// DecodeAPIKey reads one. The error is a Malformed.
func DecodeAPIKey(text string) (k APIKey, err error) {
	err = decodeKind(text, k.take)
	if k.Header == "" {
		k.Header = authorization
	}
	return k, err
}

func (k *APIKey) take(o *object) {
	k.Key = o.secret("api_key")
	k.Header, _ = o.text("header")
	k.Scheme, _ = o.text("scheme")
	o.printable("api_key", k.Key)
	o.printable("header", k.Header)
	o.printable("scheme", k.Scheme)
	o.each("previous", func(entry *object) {
		was := PreviousAPIKey{Key: entry.secret("api_key"), NotAfter: entry.instant("not_after")}
		entry.printable("api_key", was.Key)
		entry.rest()
		k.Previous = append(k.Previous, was)
	})
}

// Encode writes it. The error is a Malformed.
func (k APIKey) Encode() (string, error) {
	return encodeKind(func(w *writer) {
		w.text("api_key", k.Key)
		w.optional("header", k.Header)
		w.optional("scheme", k.Scheme)
		if len(k.Previous) == 0 {
			return
		}
		w.list("previous", len(k.Previous), func(i int) {
			w.open()
			w.text("api_key", k.Previous[i].Key)
			w.time("not_after", k.Previous[i].NotAfter)
			w.close()
		})
	}, DecodeAPIKey)
}
