package provision

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/internal/answer"
	"github.com/formbridge/tenantsecrets/internal/creation"
	"github.com/formbridge/tenantsecrets/internal/document"
	"github.com/formbridge/tenantsecrets/internal/reader"
	"github.com/formbridge/tenantsecrets/internal/writer"
)

// Create stores a new secret of a kind for a tenant, or for the Global space, and
// returns its version id. It never overwrites: where the name is taken the error is
// ErrExists, unless an earlier call with the same idempotency key stored the same value.
// A value that the kind's Decode would refuse is ErrMalformed, before any call.
//
// It costs one CreateSecret, and one more where no answer came to the first; then the
// error is ErrUnavailable and the secret may be there.
func Create[T any](ctx context.Context, p *Provisioner, tenant string, kind tenantsecrets.Kind[T], value T, optFns ...func(*tenantsecrets.CreateOptions)) (string, error) {
	s, err := p.secret(tenant, kind.Path)
	if err != nil {
		return "", failed("Create", s, err)
	}
	text, err := encode(kind, tenant, value)
	if err != nil {
		return "", failed("Create", s, err)
	}
	id, err := p.create(ctx, s, optFns, func(string) (string, error) {
		return document.Edit(text, document.Member{Name: "tenant_id", Value: tenant})
	})
	return id, failed("Create", s, err)
}

// CreateHMACKey stores a new random key that signs what goes to one of a tenant's
// destinations, see [tenantsecrets.DestinationHMACKey], and returns its version id. A
// repeated call under one idempotency key returns what the first one created. It is
// otherwise as [Create].
func (p *Provisioner) CreateHMACKey(ctx context.Context, tenant, destination string, optFns ...func(*tenantsecrets.CreateOptions)) (string, error) {
	s, err := p.secret(tenant, tenantsecrets.DestinationHMACKey(destination).Path)
	if err != nil {
		return "", failed("CreateHMACKey", s, err)
	}
	var made string
	id, err := p.create(ctx, s, optFns, func(versionID string) (string, error) {
		made = versionID
		key := document.GenerateKey(versionID, p.writer.Now().UTC().Truncate(time.Second))
		return document.New(tenant, key).Encode()
	})
	if errors.Is(err, tenantsecrets.ErrExists) {
		// Every call has another key, but those with one idempotency key have one id.
		switch _, absent := p.writer.Version(ctx, s, made); {
		case absent == nil:
			_ = p.client.Invalidate(s.Tenant, s.Path)
			id, err = made, nil
		case answer.Code(absent) != "ResourceNotFoundException": // nobody knows whose it is
			err = p.writer.ExplainRead(ctx, absent)
		}
	}
	return id, failed("CreateHMACKey", s, err)
}

// HMACKey returns the newest key that signs what goes to one of a tenant's destinations,
// as it is stored, and its kid, to hand to the receiver. It is read past every cache.
func (p *Provisioner) HMACKey(ctx context.Context, tenant, destination string) (key tenantsecrets.Value, kid string, err error) {
	s, err := p.secret(tenant, tenantsecrets.DestinationHMACKey(destination).Path)
	if err != nil {
		return key, "", failed("HMACKey", s, err)
	}
	stored, err := p.read(ctx, s)
	if err != nil {
		return key, "", failed("HMACKey", s, err)
	}
	d, err := document.Decode(stored.text)
	switch {
	case err != nil:
		return key, "", failed("HMACKey", s, malformed("Decode", err))
	case d.Suspended:
		return key, "", failed("HMACKey", s, answer.Definite(tenantsecrets.ErrSuspended, "its document says so"))
	case d.KID == "":
		d.KID = stored.base.VersionID
	}
	return tenantsecrets.NewValue(d.Secret), d.KID, nil
}

// encode writes the members of a kind, and looks whether they can be read again.
func encode[T any](kind tenantsecrets.Kind[T], tenant string, value T) (string, error) {
	if err := errors.Join(refuseHMACKeys(kind.Path), refuseRaw(kind)); err != nil {
		return "", err
	}
	if kind.Encode == nil {
		return "", fmt.Errorf("%w: the kind of %+q has no Encode", tenantsecrets.ErrInvalidOption, kind.Path)
	}
	text, err := kind.Encode(value)
	if err != nil {
		return "", malformed("Encode", err)
	}
	if kind.Decode != nil {
		stored, err := document.Edit(string(text), document.Member{Name: "tenant_id", Value: tenant}) // as Get will see it
		if err != nil {
			return "", malformed("Encode", err)
		}
		if _, err := kind.Decode([]byte(stored)); err != nil {
			return "", malformed("Decode", err)
		}
	}
	if document.HoldsRedaction(string(text)) {
		return "", answer.Definite(tenantsecrets.ErrMalformed, "it holds the text that is printed in place of a secret: reveal the Values")
	}
	return string(text), nil
}

func refuseHMACKeys(path string) error {
	if (writer.Secret{Path: path}).Type() == "hmac_key" {
		return fmt.Errorf("%w: HMAC keys are made by CreateHMACKey and CreateTenant, and changed by package rotation", tenantsecrets.ErrInvalidOption)
	}
	return nil
}

// malformed names what a kind says of a document. A text of others may quote a secret.
func malformed(what string, err error) error {
	var ours document.Malformed
	if errors.As(err, &ours) {
		return answer.Definite(tenantsecrets.ErrMalformed, "%v", ours)
	}
	return answer.Definite(tenantsecrets.ErrMalformed, "%s of its kind returned a %T", what, err)
}

func (p *Provisioner) create(ctx context.Context, s writer.Secret, optFns []func(*tenantsecrets.CreateOptions), compose func(versionID string) (string, error)) (string, error) {
	var o tenantsecrets.CreateOptions
	for _, fn := range optFns {
		fn(&o)
	}
	in, err := p.creation(s, o)
	if err != nil {
		return "", err
	}
	text, err := compose(*in.ClientRequestToken)
	if err != nil {
		return "", malformed("Encode", err)
	}
	in.SecretString = &text
	_, err = writer.Repeat(ctx, p.writer, func(ctx context.Context) (*secretsmanager.CreateSecretOutput, error) {
		out, err := p.api.CreateSecret(ctx, in, answer.Limit(answer.OneSecret))
		if err != nil || out == nil {
			return nil, err
		}
		return out, p.writer.Answered(s, *in.ClientRequestToken, out.Name, out.ARN, out.VersionId)
	})
	if err != nil {
		return "", p.notCreated(ctx, s, err)
	}
	_ = p.client.Invalidate(s.Tenant, s.Path) // it may remember that there was none; a closed client remembers nothing
	return *in.ClientRequestToken, nil
}

// creation is the request but for the value.
func (p *Provisioner) creation(s writer.Secret, o tenantsecrets.CreateOptions) (*secretsmanager.CreateSecretInput, error) {
	in, err := creation.Secret{
		Identity: s.Identity(),
		KMSKeyID: o.KMSKeyID, Description: o.Description, Tags: o.Tags, IdempotencyKey: o.IdempotencyKey,
	}.Request()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", tenantsecrets.ErrInvalidOption, err)
	}
	return in, nil
}

// notCreated names what a creation failed with. Of an InvalidRequestException only a
// description tells what it means: a name that cannot be created and is not there is one
// whose deletion is not over yet.
func (p *Provisioner) notCreated(ctx context.Context, s writer.Secret, err error) error {
	var f *answer.Failure
	if explained := p.writer.ExplainWrite(ctx, err); !errors.As(explained, &f) || ctx.Err() != nil {
		return explained
	}
	switch answer.Code(err) {
	case "ResourceExistsException":
		f.Sentinel, f.Definite = tenantsecrets.ErrExists, true
	case "InvalidParameterException", "ValidationException":
		f.Sentinel, f.Definite = tenantsecrets.ErrInvalidOption, true
	case "InvalidRequestException":
		f.Sentinel, f.Definite = tenantsecrets.ErrInvalidOption, true
		_, err := p.writer.Describe(ctx, s, reader.Begin(p.api, s.Name))
		if errors.Is(err, tenantsecrets.ErrPendingDeletion) || errors.Is(err, tenantsecrets.ErrNotFound) {
			f.Sentinel = tenantsecrets.ErrPendingDeletion
		}
	}
	if ctx.Err() != nil { // while it was described
		return p.writer.Abandoned(ctx)
	}
	return f
}
