package provision

import (
	"context"
	"errors"
	"fmt"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/internal/answer"
	"github.com/formbridge/tenantsecrets/internal/document"
	"github.com/formbridge/tenantsecrets/internal/reader"
	"github.com/formbridge/tenantsecrets/internal/writer"
)

// Entry is a secret as it is stored now.
type Entry[T any] struct {
	Value     T
	VersionID string // what a [Put] of a change is based on
}

// Read reads a tenant's secret of a kind past every cache, to change it; HMAC keys are not
// changed so. To use a secret, ask [tenantsecrets.Get]. The error is a *tenantsecrets.Error.
func Read[T any](ctx context.Context, p *Provisioner, tenant string, kind tenantsecrets.Kind[T]) (Entry[T], error) {
	var entry Entry[T]
	s, err := p.secret(tenant, kind.Path)
	if err != nil {
		return entry, failed("Read", s, err)
	}
	if err := readable(kind); err != nil {
		return entry, failed("Read", s, err)
	}
	stored, err := p.read(ctx, s)
	if err != nil {
		return entry, failed("Read", s, err)
	}
	if entry.Value, err = decode(kind, stored.text); err != nil {
		return Entry[T]{}, failed("Read", s, err)
	}
	entry.VersionID = stored.base.VersionID
	return entry, nil
}

func readable[T any](kind tenantsecrets.Kind[T]) error {
	if err := errors.Join(refuseHMACKeys(kind.Path), refuseRaw(kind)); err != nil {
		return err
	}
	if kind.Decode == nil {
		return fmt.Errorf("%w: the kind of %+q has no Decode", tenantsecrets.ErrInvalidOption, kind.Path)
	}
	return nil
}

func decode[T any](kind tenantsecrets.Kind[T], text string) (value T, err error) {
	if value, err = kind.Decode([]byte(text)); err != nil {
		var none T
		return none, malformed("Decode", err)
	}
	return value, nil
}

// Put writes a value as the version after base, and returns the new version's id; a value
// that is stored already makes a version too. Where
// base is not current any more the error is ErrConflict and nothing was written, unless
// what is current is this very value put on base: then an earlier call got no answer. The
// members of the stored document that the kind does not know survive, and where what is
// stored cannot be decoded, the error is ErrMalformed.
//
// A program that does not use this package and writes in the moment between the reads and
// the write is not noticed: its version is AWSPREVIOUS then.
//
// It costs two reads and a PutSecretValue. Where no answer came the error is
// ErrUnavailable: the same call can be repeated. The error is a *tenantsecrets.Error.
func Put[T any](ctx context.Context, p *Provisioner, tenant string, kind tenantsecrets.Kind[T], base string, value T) (string, error) {
	s, err := p.secret(tenant, kind.Path)
	if err != nil {
		return "", failed("Put", s, err)
	}
	next, err := encode(kind, tenant, value)
	if err == nil {
		err = readable(kind)
	}
	if err != nil {
		return "", failed("Put", s, err)
	}
	id, err := attempt(ctx, p, s, kind, base, next)
	if errors.Is(err, writer.ErrLost) { // to whom? It may have put the same
		id, err = attempt(ctx, p, s, kind, base, next)
	}
	if errors.Is(err, writer.ErrLost) {
		err = ErrConflict
	}
	return id, failed("Put", s, err)
}

// attempt puts the members that are to be, if what is stored is what they are based on.
func attempt[T any](ctx context.Context, p *Provisioner, s writer.Secret, kind tenantsecrets.Kind[T], base, next string) (string, error) {
	stored, err := p.read(ctx, s)
	if err != nil {
		return "", err
	}
	current, err := decode(kind, stored.text)
	if err != nil {
		return "", err
	}
	known, err := kind.Encode(current)
	if err != nil {
		return "", malformed("Encode", err)
	}
	return p.put(ctx, s, stored, change{base, string(known), next})
}

// change is the members of a kind that are stored, and that are to be.
type change struct{ base, known, next string }

func (p *Provisioner) put(ctx context.Context, s writer.Secret, stored stored, c change) (string, error) {
	builtOn, _, _ := document.Text(stored.text, "base")
	switch {
	case stored.base.VersionID != c.base && builtOn == c.base && c.known == c.next:
		return stored.base.VersionID, nil
	case stored.base.VersionID != c.base:
		return "", ErrConflict
	case stored.pending:
		return "", ErrRotationInProgress
	}
	text, err := document.Merge(stored.text, c.known, c.next)
	if err == nil {
		text, err = document.Edit(text,
			document.Member{Name: "tenant_id", Value: s.Tenant},
			document.Member{Name: "base", Value: c.base},
			document.Member{Name: "nonce", Value: document.Nonce()})
	}
	if err != nil {
		return "", malformed("Encode", err)
	}
	id, err := p.writer.Put(ctx, stored.base, func(string) (string, error) { return text, nil })
	switch {
	case errors.Is(err, writer.ErrLost):
		return "", err
	case err != nil:
		return "", p.writer.ExplainWrite(ctx, err)
	}
	_ = p.client.Invalidate(s.Tenant, s.Path) // this process sees its own writes; a closed client holds nothing
	return id, nil
}

// stored is what is read of a secret before it is changed.
type stored struct {
	base    writer.Base
	text    string
	pending bool // a rotation that AWS drives is under way
}

func (p *Provisioner) read(ctx context.Context, s writer.Secret) (stored, error) {
	load := reader.Begin(p.api, s.Name)
	asked := p.writer.Now()
	d, err := p.writer.Describe(ctx, s, load)
	if err != nil {
		return stored{}, err
	}
	v, err := writer.Request(ctx, p.writer, load.Current)
	switch {
	case answer.Code(err) == "ResourceNotFoundException": // a read that lags behind the description
		return stored{}, p.writer.Sentinels.Transient("the current version cannot be found yet")
	case err != nil:
		return stored{}, p.writer.ExplainRead(ctx, err)
	}
	if err := p.writer.CheckOwner(s, &d, v.Text); err != nil {
		return stored{}, err
	}
	return stored{
		base:    writer.Base{Name: s.Name, ARN: d.ARN, VersionID: d.Current, Read: asked, Changed: d.Changed},
		text:    v.Text,
		pending: d.Pending != "" && d.Pending != d.Current,
	}, nil
}
