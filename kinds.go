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
	// A client reads one path as one T, with the Decode that it was given first;
	// "hmac_key" is read by [Client.TenantSecret] alone.
	Path string

	// Decode makes a T of the stored text, a JSON object whose tenant_id, or else
	// the secret's tag TenantId, is the tenant's. It is called once per version, and
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
		return c.cache().Hit(i), nil
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
	if decode == nil {
		if kind.Path == hmacPath {
			return nil, fmt.Errorf("%w: read %s with TenantSecret", ErrInvalidOption, hmacPath)
		}
		if kind.Decode == nil {
			return nil, fmt.Errorf("%w: the kind of %s has no Decode", ErrInvalidOption, quote(kind.Path))
		}
		decode = ownDecoder(kind.Decode)
	}
	if tenant == Global && strings.HasPrefix(kind.Path, destinations) {
		_, err := c.naming.Build(tenant, kind.Path)
		if err == nil {
			err = fmt.Errorf("%w: a destination is a tenant's, and %q is none", ErrInvalidTenant, Global)
		}
		return nil, err
	}
	return c.entry(tenant, &secretKind{kind.Path, reflect.TypeFor[T](), decode}, m)
}

func mixedKinds(first, second *secretKind) error {
	return fmt.Errorf("%w: this client reads %s as %v already, not as %v", ErrInvalidOption, second.path, first.of, second.of)
}

// destinations begins the paths of what belongs to a tenant's destinations.
const destinations = "destinations/"

// ownDecoder is the decoder of a kind with a Decode.
func ownDecoder[T any](decode func(stored []byte) (T, error)) decoder {
	return func(_ context.Context, d *decoding) error {
		if err := d.checkOwner(); err != nil {
			return err
		}
		value, err := decode([]byte(d.text.Text))
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

// checkOwner compares tenant_id in any JSON document. Where AWS's own rotation
// wrote the document there is none, and the tag must be there instead.
func (d *decoding) checkOwner() error {
	owner, present, err := document.Owner(d.text.Text)
	switch {
	case err != nil:
		return definite(ErrMalformed, "%v", err)
	case present && owner != d.tenant:
		return definite(ErrWrongTenant, "tenant_id in its document is not %q", d.tenant)
	case !present && d.description.Tags[reader.TagTenantID] != d.tenant:
		return definite(ErrWrongTenant, "neither tenant_id in its document nor its tag %s says whose it is", reader.TagTenantID)
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
