package rotation

import (
	"context"
	"fmt"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/internal/answer"
	"github.com/formbridge/tenantsecrets/internal/document"
)

// FarSide is a system that must be told of a secret before the secret can be used: a
// database, or a provider that takes API keys. createSecret makes a new random value
// and leaves everything else in the document as it was. Where the target system holds two
// secrets at a time, rotations must lie further apart than MaxStale, for a reader may use
// the older one for so long.
type FarSide struct {
	// SecretType is which secrets it is of, the last element of the path, as in the tag:
	// "api_key".
	SecretType string

	// Member is the member of the stored document that is made anew; SecretType by
	// default.
	Member string

	Setter Setter
	Tester Tester
}

// Setter makes the target system accept the pending secret, and go on accepting the current
// one: until the last reader has seen the new one both are in use. It may be called
// again with the same change.
type Setter interface {
	Set(ctx context.Context, change Change) error
}

// Tester tells whether the target system accepts the pending secret. Where AWS tests a rotation
// that does not begin at once, the pending secret is the current one: see
// [Rotator.Handler].
type Tester interface {
	Test(ctx context.Context, change Change) error
}

// Change is what a target system is told.
type Change struct {
	Tenant, Path     string              // "t_abc123", "destinations/webhook1/api_key"
	Current, Pending tenantsecrets.Value // of the member that is made anew
	Document         tenantsecrets.Value // the pending JSON document, for what else is in it
}

func (f *FarSide) complete() error {
	if f.SecretType == "" || f.Setter == nil || f.Tester == nil {
		return fmt.Errorf("%w: a FarSide needs SecretType, Setter and Tester", tenantsecrets.ErrInvalidOption)
	}
	if f.SecretType == hmacKey {
		return fmt.Errorf("%w: %s is rotated without a FarSide", tenantsecrets.ErrInvalidOption, hmacKey)
	}
	return nil
}

func (f *FarSide) member() string {
	if f.Member == "" {
		return f.SecretType
	}
	return f.Member
}

func (f *FarSide) create(ctx context.Context, t *turn) (string, error) {
	text, err := t.owned(ctx, t.described.Current)
	if err == nil {
		err = f.checkMember(text)
	}
	if err != nil {
		return "", err
	}
	text, err = document.Edit(text,
		document.Member{Name: f.member(), Value: t.fresh("").Secret},
		document.Member{Name: "base", Value: t.described.Current})
	if err != nil {
		return "", t.explainDraft(ctx, err)
	}
	return text, nil
}

func (f *FarSide) set(ctx context.Context, t *turn, pending string) error {
	change, err := f.change(ctx, t, pending)
	if err != nil {
		return err
	}
	return refused("Set", f.Setter.Set(ctx, change))
}

func (f *FarSide) test(ctx context.Context, t *turn, pending string) error {
	change, err := f.change(ctx, t, pending)
	if err != nil {
		return err
	}
	return refused("Test", f.Tester.Test(ctx, change))
}

func (f *FarSide) change(ctx context.Context, t *turn, pending string) (Change, error) {
	current, err := t.owned(ctx, t.described.Current)
	if err != nil {
		return Change{}, err
	}
	if value, _, err := document.Text(pending, f.member()); err != nil || value == "" || t.writer.CheckOwner(t.Secret, &t.described, pending) != nil {
		return Change{}, t.abandon(ctx, "it is not a document of the tenant's with "+f.member()+" in it")
	}
	return f.changeOf(t, current, pending), nil
}

// testCurrent lets the target system test the current secret, as if it were pending.
func (f *FarSide) testCurrent(ctx context.Context, t *turn, current string) error {
	err := t.writer.CheckOwner(t.Secret, &t.described, current)
	if err == nil {
		err = f.checkMember(current)
	}
	if err != nil {
		return err
	}
	return refused("Test", f.Tester.Test(ctx, f.changeOf(t, current, current)))
}

// checkMember refuses a document without a secret that could be made anew.
func (f *FarSide) checkMember(text string) error {
	if value, present, err := document.Text(text, f.member()); err != nil || !present || value == "" {
		return definite(tenantsecrets.ErrMalformed, "%s is not a string that could be made anew", f.member())
	}
	return nil
}

// changeOf is the change from one document to another.
func (f *FarSide) changeOf(t *turn, current, pending string) Change {
	of := func(text string) tenantsecrets.Value {
		value, _, _ := document.Text(text, f.member())
		return tenantsecrets.NewValue(value)
	}
	return Change{
		Tenant: t.Tenant, Path: t.Path, Current: of(current), Pending: of(pending), Document: tenantsecrets.NewValue(pending),
	}
}

// owned reads a version of any kind that is the tenant's.
func (t *turn) owned(ctx context.Context, versionID string) (string, error) {
	v, err := t.writer.Version(ctx, t.Secret, versionID)
	if err != nil {
		return "", t.writer.ExplainRead(ctx, err)
	}
	return v.Text, t.writer.CheckOwner(t.Secret, &t.described, v.Text)
}

func refused(what string, err error) error {
	if err == nil {
		return nil
	}
	return &answer.Failure{Sentinel: ErrFarSide, Detail: fmt.Sprintf("%s returned a %T", what, err), Cause: err}
}
