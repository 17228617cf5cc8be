package tenantsecrets

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/formbridge/tenantsecrets/internal/cache"
	"github.com/formbridge/tenantsecrets/internal/document"
	"github.com/formbridge/tenantsecrets/internal/reader"
)

// Kind is a type of secret beside the tenant's own HMAC secret: where it is, and
// how its stored text becomes a T. Take one of the library's, or make your own, and
// keep it in a variable: making one costs more than a hit.
type Kind[T any] struct {
	// Path is the secret type in the name, such as "destinations/webhook1/api_key".
	// A client reads one path as one T, with the Decode and Raw that it was given first;
	// "hmac_key" is read by [Client.TenantSecret] alone.
	Path string

	// Raw says that what is stored is not a JSON object but any text or bytes: a PEM
	// file, a password alone, what the PushSecret of external-secrets writes. false: it
	// is a JSON object. A raw secret cannot say whose it is. Its name, its ARN and its
	// tag TenantId do: without the tag it is ErrMalformed, and since GetSecretValue
	// shows no tags, a client with [Options].ValuesOnly answers ErrInvalidOption.
	// Package provision does not write a raw secret, package rotation does not rotate
	// one, and [Client.Prefetch] reads HMAC secrets alone.
	Raw bool

	// Decode makes a T of the stored text, a JSON object whose tenant_id, or else
	// the secret's tag TenantId, is the tenant's. With Raw it is given SecretString or
	// SecretBinary, whichever there is, as it stands: 1 to 65,536 bytes. Both or none is
	// ErrMalformed without a call of Decode. It is called once per version, and
	// the T is shared by all who ask for it: it must not change afterwards. Secrets
	// in it belong in a [Value]. An error becomes ErrMalformed; its type is kept and
	// its text is dropped, since it may quote the secret.
	Decode func(stored []byte) (T, error)

	// Encode is the inverse, for package provision: a JSON object of the members that
	// the kind has, with the secrets in it revealed. tenant_id, base and nonce are the
	// library's and are set in it; what Decode does not know of a stored document survives.
	// nil: it is never written so.
	Encode func(value T) ([]byte, error)

	decoder decoder // instead of Decode
}

// Get returns a tenant's secret of a kind, or one of the [Global] space, from the
// cache as [Client.TenantSecret] does. It may be called from any number of
// goroutines. The error is an *Error.
func Get[T any](ctx context.Context, c *Client, tenant string, kind Kind[T]) (T, error) {
	o := c.begin(ctx, "Get", tenant, kind.Path)
	i, err := kindItem(ctx, c, tenant, kind)
	if err = o.end(i, err); err != nil {
		var none T
		return none, err
	}
	value, _ := i.Value.value.(T) // of that type, or a nil one where T is an interface
	return value, nil
}

func kindItem[T any](ctx context.Context, c *Client, tenant string, kind Kind[T]) (*cacheItem, error) {
	e, i, m := c.find(tenant, kind.Path, reflect.TypeFor[T]())
	if i != nil {
		return c.cache().Hit(i, false), nil
	}
	if e == nil {
		var err error
		if e, err = kindEntry(c, tenant, kind, m); err != nil {
			return nil, err
		}
	}
	i, _, err := c.cache().Get(ctx, e, false)
	return i, err
}

// kindEntry is apart so that a hit does not move its kind to the heap.
func kindEntry[T any](c *Client, tenant string, kind Kind[T], m cache.Mark) (*cacheEntry, error) {
	decode := kind.decoder
	if kind.Raw {
		if err := c.checkRaw(kind.Path, decode == nil); err != nil {
			return nil, err
		}
	}
	if decode == nil {
		if kind.Path == hmacPath {
			return nil, fmt.Errorf("%w: read %s with TenantSecret", ErrInvalidOption, hmacPath)
		}
		if kind.Decode == nil {
			return nil, fmt.Errorf("%w: the kind of %s has no Decode", ErrInvalidOption, quote(kind.Path))
		}
		decode = ownDecoder(kind.Decode, kind.Raw)
	}
	if tenant == Global && strings.HasPrefix(kind.Path, destinations) {
		_, err := c.naming.Build(tenant, kind.Path)
		if err == nil {
			err = fmt.Errorf("%w: a destination is a tenant's, and %q is none", ErrInvalidTenant, Global)
		}
		return nil, err
	}
	return c.entry(tenant, &secretKind{kind.Path, reflect.TypeFor[T](), decode, kind.Raw}, m)
}

func mixedKinds(first, second *secretKind) error {
	return fmt.Errorf("%w: this client reads %s as %v already, not as %v", ErrInvalidOption, second.path, first.of, second.of)
}

// destinations begins the paths of what belongs to a tenant's destinations.
const destinations = "destinations/"

// ownDecoder is the decoder of a kind with a Decode.
func ownDecoder[T any](decode func(stored []byte) (T, error), raw bool) decoder {
	own := (*decoding).ownDocument
	if raw {
		own = (*decoding).ownBytes
	}
	return func(_ context.Context, d *decoding) error {
		stored, err := own(d)
		if err != nil {
			return err
		}
		value, err := decode(stored)
		var ours document.Malformed
		switch {
		case errors.As(err, &ours):
			return definite(ErrMalformed, "%v", ours)
		case err != nil:
			return definite(ErrMalformed, "Decode of its kind returned a %T", err)
		}
		d.value = value
		return nil
	}
}

// ownDocument is a JSON document of the tenant's.
func (d *decoding) ownDocument() ([]byte, error) {
	identity := d.identity()
	if err := explainOwner(identity.CheckOwner(d.description, d.text.Text)); err != nil {
		return nil, err
	}
	return []byte(d.text.Text), nil
}

// explainOwner names what a check of whose a value is came to.
func explainOwner(err error) error {
	var foreign reader.Foreign
	switch {
	case errors.As(err, &foreign):
		return definite(ErrWrongTenant, "%v", foreign)
	case err != nil:
		return definite(ErrMalformed, "%v", err)
	}
	return nil
}

// DestinationHMACKey is the key that signs what this service sends to one of the
// tenant's destinations, stored as a tenant's own HMAC secret is. It is another
// key than the one that verifies what the tenant sends, or a webhook of ours
// could be posted back to us. A destination that is no part of a name is
// ErrInvalidName from [Get].
func DestinationHMACKey(destination string) Kind[Keyring] {
	return Kind[Keyring]{
		Path:    destinationPath(destination, hmacPath),
		decoder: hmacDecoder(func(_ *secret, l *loaded) any { return l.keyring }),
	}
}

// destinationPath gives a path that validatePath refuses where the destination
// is not a single part.
func destinationPath(destination, secretType string) string {
	return destinations + partOrQuoted(destination) + "/" + secretType
}

// partOrQuoted returns what is no part of a name as one that is none either, and to be
// seen in the error.
func partOrQuoted(part string) string {
	if !isPart(part) {
		return quote(part)
	}
	return part
}
