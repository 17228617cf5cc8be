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
	err = decodeKind(text, func(o *object) (err error) {
		if k.Key, err = o.secret("api_key"); err != nil {
			return err
		}
		if err = o.texts(map[string]*string{"header": &k.Header, "scheme": &k.Scheme}); err != nil {
			return err
		}
		if k.Previous, err = takePreviousAPIKeys(o); err != nil {
			return err
		}
		return printable("api_key, header or scheme", k.Key, k.Header, k.Scheme)
	})
	if k.Header == "" {
		k.Header = authorization
	}
	return k, err
}

func takePreviousAPIKeys(o *object) (keys []PreviousAPIKey, err error) {
	err = o.each("previous", func(entry *object) error {
		var k PreviousAPIKey
		if k.Key, err = entry.secret("api_key"); err != nil {
			return err
		}
		if k.NotAfter, err = entry.instant("not_after"); err != nil {
			return err
		}
		keys = append(keys, k)
		return printable(entry.at+"api_key", k.Key)
	})
	return keys, err
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
