package provision

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/internal/answer"
	"github.com/formbridge/tenantsecrets/internal/reader"
	"github.com/formbridge/tenantsecrets/internal/writer"
)

// API is what a [Provisioner] calls of Secrets Manager. A *secretsmanager.Client is
// one, and so is a secretstest.Backend. ListSecrets is called by Destinations alone.
type API interface {
	DescribeSecret(context.Context, *secretsmanager.DescribeSecretInput, ...func(*secretsmanager.Options)) (*secretsmanager.DescribeSecretOutput, error)
	GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error)
	PutSecretValue(context.Context, *secretsmanager.PutSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.PutSecretValueOutput, error)
	CreateSecret(context.Context, *secretsmanager.CreateSecretInput, ...func(*secretsmanager.Options)) (*secretsmanager.CreateSecretOutput, error)
	ListSecrets(context.Context, *secretsmanager.ListSecretsInput, ...func(*secretsmanager.Options)) (*secretsmanager.ListSecretsOutput, error)
}

// What can go wrong beside the errors of package tenantsecrets, for errors.Is. The
// error itself is a *tenantsecrets.Error.
var (
	// ErrConflict: the secret is not what the change was based on any more. Nothing was
	// written.
	ErrConflict = errors.New("another process has written the secret: read it again, and put the change on that")

	// ErrRotationInProgress: a rotation that AWS drives is under way, or one that failed
	// has left AWSPENDING on a version that is not current. Nothing was written.
	ErrRotationInProgress = writer.ErrRotationInProgress
)

// Provisioner creates and changes tenants' secrets. Make one with [New]; it may be used
// by any number of goroutines, and any number of processes may have one.
type Provisioner struct {
	client *tenantsecrets.Client
	api    API
	naming tenantsecrets.Naming
	writer *writer.Writer
}

// New returns a provisioner of the secrets that the client reads. It calls nothing. The
// error is ErrInvalidOption.
func New(client *tenantsecrets.Client, api API) (*Provisioner, error) {
	if client == nil || api == nil {
		return nil, fmt.Errorf("provision: New: %w: no client, or no API", tenantsecrets.ErrInvalidOption)
	}
	o := client.Options()
	now := o.Now
	if now == nil {
		now = time.Now
	}
	return &Provisioner{client, api, client.Naming(), &writer.Writer{
		API: api, Timeout: max(o.LoadTimeout, 0), Now: now,
		Place: placeOf(client),
		Sentinels: answer.Sentinels{
			Unavailable:     tenantsecrets.ErrUnavailable,
			NotFound:        tenantsecrets.ErrNotFound,
			AccessDenied:    tenantsecrets.ErrAccessDenied,
			PendingDeletion: tenantsecrets.ErrPendingDeletion,
			Refused:         tenantsecrets.ErrRefused,
			WrongTenant:     tenantsecrets.ErrWrongTenant,
			Malformed:       tenantsecrets.ErrMalformed,
		},
	}}, nil
}

// String names what is provisioned.
func (p *Provisioner) String() string {
	return fmt.Sprintf("Provisioner(%s/%s)", p.naming.Environment, p.naming.Service)
}

// secret returns one by its place.
func (p *Provisioner) secret(tenant, path string) (writer.Secret, error) {
	s := writer.Secret{Tenant: tenant, Path: path}
	var err error
	if s.Name, err = p.naming.Build(tenant, path); err != nil {
		return s, err
	}
	if tenant == tenantsecrets.Global && strings.HasPrefix(path, destinations) {
		err = fmt.Errorf("%w: a destination is a tenant's, and %q is none", tenantsecrets.ErrInvalidTenant, tenant)
	}
	return s, err
}

const destinations = "destinations/"

// failed makes a call's error of what went wrong.
func failed(op string, s writer.Secret, err error) error {
	if err == nil {
		return nil
	}
	return &tenantsecrets.Error{Op: op, Tenant: s.Tenant, Name: s.Name, Err: err}
}

// placeOf is where the client reads, which it may learn with its first load.
func placeOf(client *tenantsecrets.Client) func() reader.Place {
	return func() reader.Place {
		o := client.Options()
		return reader.Place{Partition: o.Partition, Account: o.Account, Region: o.Region}
	}
}
