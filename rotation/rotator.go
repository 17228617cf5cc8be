package rotation

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/internal/reader"
	"github.com/formbridge/tenantsecrets/internal/writer"
)

// API is what a [Rotator] calls of Secrets Manager. A *secretsmanager.Client is one,
// and so is a secretstest.Backend. ListSecrets is called by RotateAll alone, and
// ListSecretVersionIds by Versions and Rollback.
type API interface {
	DescribeSecret(context.Context, *secretsmanager.DescribeSecretInput, ...func(*secretsmanager.Options)) (*secretsmanager.DescribeSecretOutput, error)
	GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error)
	PutSecretValue(context.Context, *secretsmanager.PutSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.PutSecretValueOutput, error)
	UpdateSecretVersionStage(context.Context, *secretsmanager.UpdateSecretVersionStageInput, ...func(*secretsmanager.Options)) (*secretsmanager.UpdateSecretVersionStageOutput, error)
	ListSecretVersionIds(context.Context, *secretsmanager.ListSecretVersionIdsInput, ...func(*secretsmanager.Options)) (*secretsmanager.ListSecretVersionIdsOutput, error)
	ListSecrets(context.Context, *secretsmanager.ListSecretsInput, ...func(*secretsmanager.Options)) (*secretsmanager.ListSecretsOutput, error)
}

// Options are what [New] can be told.
type Options struct {
	// MaxStale is the largest MaxStale of any process that reads the secrets: a new key
	// signs when even that one has seen it. By default it is that of the client, which
	// it must not be below.
	MaxStale time.Duration

	// Grace is how long a key that is replaced is accepted after the new one has begun to
	// sign, where a call does not say; 24 h by default, 10 min to 30 days. It is the time
	// in which a customer who holds the old key can change to the new one.
	Grace time.Duration

	// Now is the clock of dates; by default it is that of the client. Secrets Manager's
	// own clock must be within 30 s of it.
	Now func() time.Time

	// Logger is told of a previous version that cannot be used, and of a server that
	// does not say what time it is. It is never given a secret. The client's by
	// default.
	Logger *slog.Logger
}

const (
	hmacKey = "hmac_key" // the secret type of HMAC keys

	// handoverSlack is what a write may take, and what clocks may differ by, on top of
	// MaxStale.
	handoverSlack = 5 * time.Minute

	maxSkew = 30 * time.Second

	// maxRequest bounds a request even where LoadTimeout does not: the times in a
	// document count from when it was made, and handoverSlack has room for two requests.
	maxRequest = time.Minute

	forever = 100 * 365 * 24 * time.Hour // as in tenantsecrets.Options
)

func requestTimeout(loadTimeout time.Duration) time.Duration {
	if loadTimeout <= 0 {
		return maxRequest
	}
	return min(loadTimeout, maxRequest)
}

// Rotator changes the keys of tenants' HMAC secrets. Make one with [New]; it may be
// used by any number of goroutines, and any number of processes may have one.
type Rotator struct {
	client   *tenantsecrets.Client
	api      API
	naming   tenantsecrets.Naming
	path     string // of the secrets it changes
	writer   *writer.Writer
	maxStale time.Duration
	grace    time.Duration
	now      func() time.Time
	log      *slog.Logger
}

// New returns a rotator of the secrets that the client reads. It calls nothing. The
// error is ErrInvalidOption.
func New(client *tenantsecrets.Client, api API, optFns ...func(*Options)) (*Rotator, error) {
	if client == nil || api == nil {
		return nil, fmt.Errorf("rotation: New: %w: no client, or no API", tenantsecrets.ErrInvalidOption)
	}
	of := client.Options()
	o := Options{Now: of.Now, Logger: of.Logger}
	for _, fn := range optFns {
		fn(&o)
	}
	if o.MaxStale == 0 {
		o.MaxStale = max(of.MaxStale, 0)
	}
	if o.Grace == 0 {
		o.Grace = defaultGrace
	}
	if err := validateGrace(o.Grace); err != nil {
		return nil, fmt.Errorf("rotation: New: %w", err)
	}
	if o.MaxStale < of.MaxStale {
		return nil, fmt.Errorf("rotation: New: %w: MaxStale %v is below the client's own %v", tenantsecrets.ErrInvalidOption, o.MaxStale, of.MaxStale)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return &Rotator{
		client: client, api: api, naming: client.Naming(), path: hmacKey,
		writer: &writer.Writer{
			API: api, Timeout: requestTimeout(of.LoadTimeout), Now: o.Now, Sentinels: sentinels,
			Place: placeOf(client),
		},
		maxStale: min(o.MaxStale, forever), grace: o.Grace, now: o.Now, log: o.Logger,
	}, nil
}

// Destination returns a rotator of the keys that sign what goes to one of the tenants'
// destinations, see [tenantsecrets.DestinationHMACKey]. A name that cannot be one is
// ErrInvalidName from its calls.
func (r *Rotator) Destination(name string) *Rotator {
	other := *r
	other.path = tenantsecrets.DestinationHMACKey(name).Path
	return &other
}

// String names what is rotated.
func (r *Rotator) String() string {
	return fmt.Sprintf("Rotator(%s/%s/*/%s)", r.naming.Environment, r.naming.Service, r.path)
}

// secret returns a tenant's.
func (r *Rotator) secret(tenant string) (writer.Secret, error) {
	s := writer.Secret{Tenant: tenant, Path: r.path}
	if tenant == tenantsecrets.Global {
		return s, fmt.Errorf("%w: %q is the space beside the tenants", tenantsecrets.ErrInvalidTenant, tenant)
	}
	var err error
	s.Name, err = r.naming.Build(tenant, r.path)
	return s, err
}

// placeOf is where the client reads, which it may learn with its first load.
func placeOf(client *tenantsecrets.Client) func() reader.Place {
	return func() reader.Place {
		o := client.Options()
		return reader.Place{Partition: o.Partition, Account: o.Account, Region: o.Region}
	}
}
