package tenantsecrets

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/formbridge/tenantsecrets/internal/answer"
	"github.com/formbridge/tenantsecrets/internal/cache"
	"github.com/formbridge/tenantsecrets/internal/creation"
	"github.com/formbridge/tenantsecrets/internal/document"
)

const (
	// A read may lag behind a write whose answer was lost, so its version is looked
	// for more than once.
	versionReads   = 4
	versionReadGap = 250 * time.Millisecond
)

// CreateTenant stores a new random HMAC secret for a tenant and returns it; this
// process reads it from then on. It never overwrites: where the name is taken the
// error is ErrExists, unless an earlier attempt of this call, or one with the
// same idempotency key, took it; then what is current is returned. A name that is
// scheduled for deletion is ErrPendingDeletion.
//
// It costs one CreateSecret; one more where no answer came to the first, and a few
// reads where the name is taken. Where the outcome stays unknown the error is
// ErrUnavailable: call again, with the same idempotency key if the first may have
// succeeded. An option that Secrets Manager refuses is ErrInvalidOption, and the text says
// which; a quota that is reached is ErrRefused. ctx bounds the call, and [Options].LoadTimeout each of its requests.
// The error is an *Error.
func (c *Client) CreateTenant(ctx context.Context, tenant string, optFns ...func(*CreateOptions)) (*TenantSecret, error) {
	o := c.begin(ctx, "CreateTenant", tenant, hmacPath)
	i, err := c.createTenant(ctx, tenant, optFns)
	return tenantSecretOf(&o, i, err)
}

func (c *Client) createTenant(ctx context.Context, tenant string, optFns []func(*CreateOptions)) (*cacheItem, error) {
	e, err := c.tenantEntry(tenant)
	if err != nil {
		return nil, err
	}
	n := &creating{Client: c, cache: c.cache(), entry: e}
	for _, fn := range optFns {
		fn(&n.options)
	}
	if err := n.prepare(); err != nil {
		return nil, err
	}
	if n.cache.Closed() {
		return nil, ErrClosed
	}
	return n.create(ctx)
}

// creating is one call of CreateTenant.
type creating struct {
	*Client
	cache   *secretCache
	entry   *cacheEntry
	options CreateOptions
	first   document.Version
	request *secretsmanager.CreateSecretInput
	repeats bool // an earlier attempt may have created the secret
}

// prepare builds the one request that every attempt sends.
func (n *creating) prepare() error {
	o := &n.options
	var err error
	n.request, err = creation.Secret{
		Identity: n.entry.Subject.identity(),
		KMSKeyID: o.KMSKeyID, Description: o.Description, Tags: o.Tags, IdempotencyKey: o.IdempotencyKey,
	}.Request()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrInvalidOption, err)
	}
	n.repeats = n.options.IdempotencyKey != ""
	token := *n.request.ClientRequestToken
	now := n.cache.Clock().Time().UTC().Truncate(time.Second)
	n.first = document.Version{
		ID: token, Created: now,
		Document: document.New(n.entry.Subject.tenant, document.GenerateKey(token, now)),
	}
	text, err := n.first.Document.Encode()
	if err != nil {
		return definite(ErrMalformed, "%v", err)
	}
	n.request.SecretString = &text
	return nil
}

// create sends the request. Where no answer comes it sends it once more, for the
// same token with the same content cannot create twice.
func (n *creating) create(ctx context.Context) (*cacheItem, error) {
	out, err := n.send(ctx)
	if err != nil && answer.Unanswered(err) {
		n.repeats = true
		if !n.cache.Closed() {
			out, err = n.send(ctx)
		}
	}
	switch {
	case err == nil && !n.cache.Closed():
		return n.created(ctx, out)
	case answer.Code(err) == "ResourceExistsException":
		return n.existing(ctx, err)
	case answer.Code(err) == "InvalidRequestException":
		return nil, n.invalid(ctx, err)
	}
	if n.repeats {
		n.cache.MayExist(n.entry)
	}
	return nil, n.failed(ctx, n.explainRequest(err))
}

// failed is f, unless it follows from what the caller did.
func (n *creating) failed(ctx context.Context, f *failure) error {
	switch {
	case n.cache.Closed():
		return ErrClosed
	case ctx.Err() != nil:
		return n.cache.Stopped(ctx)
	}
	return f
}

func (n *creating) send(ctx context.Context) (*secretsmanager.CreateSecretOutput, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	ctx, cancel := n.cache.Bounded(ctx)
	defer cancel()
	out, err := n.api.CreateSecret(ctx, n.request, answer.Limit(answer.OneSecret))
	if err == nil && (out == nil || out.Name == nil && out.ARN == nil) {
		err = answer.ErrEmpty
	}
	return out, err
}

// created keeps what was written, so that no read has to follow.
func (n *creating) created(ctx context.Context, out *secretsmanager.CreateSecretOutput) (*cacheItem, error) {
	if err := n.admit(out.Name, out.VersionId, out.ARN); err != nil {
		return nil, n.loader.report(ctx, &n.entry.Subject, err)
	}
	e := n.cache.Keep(n.entry)
	i := cache.NewItem(e)
	v := &i.Value
	v.current, v.life = n.first.ID, lifeOf(aws.ToString(out.ARN))
	v.setKeys(n.first.Document.Key, document.Ring(n.first, nil, time.Time{}), n.loader.now)
	v.value = newTenantSecret(&e.Subject, v)
	return n.cache.Put(i), nil
}

// admit refuses an answer about another secret or version than was asked for.
func (n *creating) admit(name, versionID, arn *string) error {
	if aws.ToString(name) != n.entry.Subject.name || aws.ToString(versionID) != n.first.ID {
		return definite(ErrWrongTenant, "the answer is about another secret or version")
	}
	if err := n.loader.checkPlace(n.entry.Subject.name, aws.ToString(arn)); err != nil {
		return err
	}
	return n.loader.pin(n.entry.Subject.name, aws.ToString(arn))
}

// existing tells our own earlier attempt from somebody else's secret.
func (n *creating) existing(ctx context.Context, exists error) (*cacheItem, error) {
	found, err := n.findVersion(ctx)
	switch answer.Code(err) {
	case "InvalidRequestException":
		return nil, n.invalid(ctx, err)
	case "ResourceNotFoundException":
		n.cache.MayExist(n.entry)
		f := n.explainRequest(exists)
		f.Sentinel, f.Definite = ErrExists, true
		return nil, f
	}
	if err != nil {
		return nil, n.failed(ctx, explain(err))
	}
	if err := n.admit(found.Name, found.VersionId, found.ARN); err != nil {
		return nil, n.loader.report(ctx, &n.entry.Subject, err)
	}
	return n.cache.Reload(ctx, n.entry)
}

// findVersion reads the version under the request's own token. Only where there
// can be one is it worth waiting for a read that lags behind.
func (n *creating) findVersion(ctx context.Context) (*secretsmanager.GetSecretValueOutput, error) {
	for reads := 1; ; reads++ {
		out, err := n.readVersion(ctx)
		if answer.Code(err) != "ResourceNotFoundException" || !n.repeats || reads == versionReads {
			return out, err
		}
		if err := n.cache.Sleep(ctx, versionReadGap); err != nil {
			return nil, err
		}
	}
}

func (n *creating) readVersion(ctx context.Context) (*secretsmanager.GetSecretValueOutput, error) {
	ctx, cancel := n.cache.Bounded(ctx)
	defer cancel()
	out, err := n.api.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{
		SecretId: n.request.Name, VersionId: n.request.ClientRequestToken,
	}, answer.Limit(answer.OneSecret))
	if err == nil && (out == nil || out.Name == nil && out.ARN == nil) {
		err = answer.ErrEmpty
	}
	return out, err
}

// invalid asks what an InvalidRequestException means: its text is not for
// programs. A name that cannot be created and is not there is one whose deletion
// is not over yet.
func (n *creating) invalid(ctx context.Context, invalid error) error {
	describing, cancel := n.cache.Bounded(ctx)
	defer cancel()
	d, err := n.loader.begin(n.entry.Subject.name).Describe(describing)
	switch {
	case err == nil && d.Deleted, answer.Code(err) == "ResourceNotFoundException", answer.SaysDeleted(err):
		f := n.explainRequest(invalid)
		f.Sentinel, f.Definite = ErrPendingDeletion, true
		return f
	case err != nil:
		return n.failed(ctx, explain(err))
	}
	return n.explainRequest(invalid)
}

// explainRequest names why a creation failed. It repeats nothing of the server's message,
// which may quote the secret. What the caller chose is the caller's to mend: the KMS key,
// the description, the tags.
func (n *creating) explainRequest(err error) *failure {
	f := sentinels.ExplainWrite(err)
	switch answer.Code(err) {
	case "InvalidParameterException", "InvalidRequestException", "ValidationException":
		f.Sentinel, f.Definite = ErrInvalidOption, true
	}
	return f
}
