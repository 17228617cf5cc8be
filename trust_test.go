package tenantsecrets_test

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// described is trouble with descriptions.
func described(change func(*secretsmanager.DescribeSecretOutput)) func(*testing.T, *tampered) func() {
	return tamper(func(b *tampered) { b.describe = edit(change) })
}

// valued is trouble with the value of a new version.
func valued(change func(*secretsmanager.GetSecretValueOutput)) func(*testing.T, *tampered) func() {
	return afterPut(tamper(func(b *tampered) { b.get = edit(change) }))
}

// afterPut is trouble that begins when there is a new version to read.
func afterPut(begin func(*testing.T, *tampered) func()) func(*testing.T, *tampered) func() {
	return func(t *testing.T, b *tampered) func() {
		put(t, b.Backend, hmacName, document(t, nil))
		return begin(t, b)
	}
}

// putting is trouble with what somebody wrote.
func putting(text func(*testing.T) string) func(*testing.T, *tampered) func() {
	return func(t *testing.T, b *tampered) func() {
		put(t, b.Backend, hmacName, text(t))
		return func() { put(t, b.Backend, hmacName, document(t, nil)) }
	}
}

// withTag replaces a tag's value in a description, or adds the tag.
func withTag(key, value string) func(*secretsmanager.DescribeSecretOutput) {
	return func(out *secretsmanager.DescribeSecretOutput) {
		out.Tags = append(out.Tags, types.Tag{Key: &key, Value: &value})
	}
}

// Other tenants, near and far.
const otherTenant = "t_abc124"

var otherName = strings.Replace(hmacName, tenant, otherTenant, 1)

// foreignAnswers belong to another secret than was asked for.
var foreignAnswers = []trouble{
	{what: "another name", begin: described(func(out *secretsmanager.DescribeSecretOutput) { out.Name = &otherName })},
	{what: "the name in another case", begin: described(func(out *secretsmanager.DescribeSecretOutput) { out.Name = replaced(out.Name, "t_abc", "T_abc") })},
	{what: "no name", begin: described(func(out *secretsmanager.DescribeSecretOutput) { out.Name = nil })},
	{what: "an ARN of another name", begin: described(func(out *secretsmanager.DescribeSecretOutput) { out.ARN = replaced(out.ARN, tenant, otherTenant) })},
	{what: "an ARN of a longer name", begin: described(func(out *secretsmanager.DescribeSecretOutput) {
		out.ARN = replaced(out.ARN, "hmac_key-", "hmac_key-2-")
	})},
	{what: "an ARN without its random end", begin: described(func(out *secretsmanager.DescribeSecretOutput) { out.ARN = aws.String((*out.ARN)[:len(*out.ARN)-7]) })},
	{what: "an ARN of another service", begin: described(func(out *secretsmanager.DescribeSecretOutput) {
		out.ARN = replaced(out.ARN, ":secretsmanager:", ":ssm:")
	})},
	{what: "an ARN of something else", begin: described(func(out *secretsmanager.DescribeSecretOutput) { out.ARN = replaced(out.ARN, ":secret:", ":policy:") })},
	{what: "a malformed ARN", begin: described(func(out *secretsmanager.DescribeSecretOutput) { out.ARN = aws.String("arn") })},
	{what: "an empty ARN", begin: described(func(out *secretsmanager.DescribeSecretOutput) { out.ARN = aws.String("") })},
	{what: "no ARN", begin: described(func(out *secretsmanager.DescribeSecretOutput) { out.ARN = nil })},
	{what: "another TenantId", begin: described(withTag("TenantId", otherTenant))},
	{what: "an empty TenantId", begin: described(withTag("TenantId", ""))},
	{what: "another SecretType", begin: described(withTag("SecretType", "api_key"))},

	{what: "a value of another name", begin: valued(func(out *secretsmanager.GetSecretValueOutput) { out.Name = &otherName })},
	{what: "a value of no name", begin: valued(func(out *secretsmanager.GetSecretValueOutput) { out.Name = nil })},
	{what: "a value of another ARN", begin: valued(func(out *secretsmanager.GetSecretValueOutput) { out.ARN = aws.String(*out.ARN + "x") })},
	{what: "a value of no ARN", begin: valued(func(out *secretsmanager.GetSecretValueOutput) { out.ARN = nil })},
	{what: "a value of another version", begin: valued(func(out *secretsmanager.GetSecretValueOutput) {
		out.VersionId = aws.String("775dff08-e11c-883e-bb8e-1e5540be8e90")
	})},
	{what: "a value of no version", begin: valued(func(out *secretsmanager.GetSecretValueOutput) { out.VersionId = nil })},

	{what: "another tenant's document", begin: putting(func(t *testing.T) string {
		return document(t, map[string]any{"tenant_id": otherTenant})
	})},
	{what: "a document of the tenant in another case", begin: putting(func(t *testing.T) string {
		return document(t, map[string]any{"tenant_id": strings.ToUpper(tenant)})
	})},
	{what: "a document of the global space", begin: putting(func(t *testing.T) string {
		return document(t, map[string]any{"tenant_id": tenantsecrets.Global})
	})},
}

func TestForeignAnswers(t *testing.T) {
	for _, tr := range foreignAnswers {
		tr.want, tr.definite = tenantsecrets.ErrWrongTenant, true
		t.Run(tr.what, func(t *testing.T) { synctest.Test(t, tr.check) })
	}
}

// The operator is told once for every load, and never what the secret was.
func TestForeignAnswersAreLogged(t *testing.T) {
	for _, tr := range foreignAnswers {
		t.Run(tr.what, func(t *testing.T) {
			b := &tampered{Backend: secretstest.New()}
			store(t, b.Backend, hmacName, document(t, nil))
			tr.begin(t, b)
			var logged bytes.Buffer
			c := newClient(t, b, logInto(&logged))
			for range 3 {
				if _, err := c.TenantSecret(t.Context(), tenant); err == nil {
					t.Fatal("a foreign answer was served")
				}
			}
			log := logged.String()
			if strings.Count(log, "\n") != 1 || strings.Count(log, "level=ERROR") != 1 || !strings.Contains(log, "name="+hmacName) {
				t.Errorf("logged %q, want one error about %s", log, hmacName)
			}
			checkNotQuoted(t, look(t, b.Backend).text, log)
		})
	}
}

// Before a value is read, its description is checked.
func TestForeignDescriptionsEndTheLoad(t *testing.T) {
	b := &tampered{Backend: secretstest.New()}
	store(t, b.Backend, hmacName, document(t, nil))
	b.describe = edit(withTag("TenantId", otherTenant))
	b.ClearCalls()
	var logged bytes.Buffer
	_, err := newClient(t, b, logInto(&logged)).TenantSecret(t.Context(), tenant)
	checkFailed(t, err, "TenantSecret", tenantsecrets.ErrWrongTenant)
	checkOperations(t, b.Backend, "DescribeSecret")
}

// Tags that are there must be right; those of other writers may be absent.
func TestTagsThatAreRight(t *testing.T) {
	for what, tags := range map[string][]types.Tag{
		"none":          nil,
		"others":        {{Key: aws.String("tenantid"), Value: aws.String(otherTenant)}, {Key: aws.String("Team")}},
		"TenantId only": {{Key: aws.String("TenantId"), Value: aws.String(tenant)}},
		"SecretType":    {{Key: aws.String("SecretType"), Value: aws.String("hmac_key")}},
	} {
		t.Run(what, func(t *testing.T) {
			b := &tampered{Backend: secretstest.New()}
			store(t, b.Backend, hmacName, document(t, nil))
			b.describe = edit(func(out *secretsmanager.DescribeSecretOutput) { out.Tags = tags })
			tenantSecret(t, newClient(t, b))
		})
	}
}

// move makes a backend answer, all of it, from another place.
func (b *tampered) move(from, to string) {
	b.describe = edit(func(out *secretsmanager.DescribeSecretOutput) { out.ARN = replaced(out.ARN, from, to) })
	b.get = edit(func(out *secretsmanager.GetSecretValueOutput) { out.ARN = replaced(out.ARN, from, to) })
	b.create = edit(func(out *secretsmanager.CreateSecretOutput) { out.ARN = replaced(out.ARN, from, to) })
}

// stay makes a backend answer from where it is.
func (b *tampered) stay() { b.describe, b.get, b.create = nil, nil, nil }

// moves are ways to another place, and the option that forbids each.
var moves = []struct {
	what, from, to string
	home           func(*tenantsecrets.Options)
}{
	{"partition", "arn:aws:", "arn:aws-cn:", func(o *tenantsecrets.Options) { o.Partition = "aws" }},
	{"account", "123456789012", "210987654321", func(o *tenantsecrets.Options) { o.Account = "123456789012" }},
	{"Region", "us-east-1", "eu-west-1", func(o *tenantsecrets.Options) { o.Region = "us-east-1" }},
}

// A place that is set in Options is the only one, from the first load on.
func TestPlaceThatIsSet(t *testing.T) {
	for _, m := range moves {
		t.Run(m.what, func(t *testing.T) {
			b := &tampered{Backend: secretstest.New()}
			store(t, b.Backend, hmacName, document(t, nil))
			tenantSecret(t, newClient(t, b, m.home))
			b.move(m.from, m.to)
			b.ClearCalls()
			var logged bytes.Buffer
			_, err := newClient(t, b, m.home, logInto(&logged)).TenantSecret(t.Context(), tenant)
			checkFailed(t, err, "TenantSecret", tenantsecrets.ErrWrongTenant)
			checkOperations(t, b.Backend, "DescribeSecret")
			_, err = newClient(t, b, m.home, logInto(&logged)).CreateTenant(t.Context(), tenant)
			checkFailed(t, err, "CreateTenant", tenantsecrets.ErrExists)
		})
	}
}

// Where none is set, it is the one of the first load or creation, for every
// tenant.
func TestPlaceThatIsPinned(t *testing.T) {
	first := map[string]func(*testing.T, *tenantsecrets.Client){
		"by a load": func(t *testing.T, c *tenantsecrets.Client) {
			if _, err := c.TenantSecret(t.Context(), otherTenant); err != nil {
				t.Fatal(err)
			}
		},
		"by a creation": func(t *testing.T, c *tenantsecrets.Client) {
			if _, err := c.CreateTenant(t.Context(), "t_new"); err != nil {
				t.Fatal(err)
			}
		},
	}
	for _, m := range moves {
		for how, pin := range first {
			t.Run(m.what+" "+how, func(t *testing.T) {
				away := func(b *tampered) { b.move(m.from, m.to) }
				checkPinned(t, pin, (*tampered).stay, away)
				checkPinned(t, pin, away, (*tampered).stay)
			})
		}
	}
}

func checkPinned(t *testing.T, pin func(*testing.T, *tenantsecrets.Client), first, then func(*tampered)) {
	t.Helper()
	b := &tampered{Backend: secretstest.New()}
	store(t, b.Backend, hmacName, document(t, nil))
	store(t, b.Backend, otherName, document(t, map[string]any{"tenant_id": otherTenant}))
	var logged bytes.Buffer
	c := newClient(t, b, logInto(&logged))
	first(b)
	pin(t, c)
	then(b)
	_, err := c.TenantSecret(t.Context(), tenant)
	checkFailed(t, err, "TenantSecret", tenantsecrets.ErrWrongTenant)
}

// A load that fails pins nothing.
func TestPlaceOfFailedLoads(t *testing.T) {
	b := &tampered{Backend: secretstest.New()}
	store(t, b.Backend, hmacName, document(t, nil))
	store(t, b.Backend, otherName, "?")
	c := newClient(t, b)
	b.move("us-east-1", "eu-west-1")
	if _, err := c.TenantSecret(t.Context(), otherTenant); err == nil {
		t.Fatal("a malformed document was served")
	}
	b.stay()
	tenantSecret(t, c)
}

// Of two first loads from two places, under way at once, only one is the first.
func TestPlaceOfLoadsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &tampered{Backend: secretstest.New()}
		store(t, b.Backend, hmacName, document(t, nil))
		store(t, b.Backend, otherName, document(t, map[string]any{"tenant_id": otherTenant}))
		b.describe = edit(func(out *secretsmanager.DescribeSecretOutput) {
			if *out.Name == otherName {
				out.ARN = replaced(out.ARN, "us-east-1", "eu-west-1")
			}
		})
		b.get = edit(func(out *secretsmanager.GetSecretValueOutput) {
			if *out.Name == otherName {
				out.ARN = replaced(out.ARN, "us-east-1", "eu-west-1")
			}
			time.Sleep(time.Second)
		})
		var logged bytes.Buffer
		c := newClient(t, b, logInto(&logged))
		errs := make(chan error)
		for _, id := range []string{tenant, otherTenant} {
			go func() {
				_, err := c.TenantSecret(t.Context(), id)
				errs <- err
			}()
		}
		if one, other := <-errs, <-errs; (one == nil) == (other == nil) {
			t.Errorf("two places gave %v and %v, want one refused", one, other)
		}
	})
}

// An API that gives neither an answer nor an error has said nothing about the
// secret.
func TestNoOutput(t *testing.T) {
	for _, tr := range []trouble{
		{what: "DescribeSecret", begin: tamper(func(b *tampered) { b.describe = nothing[secretsmanager.DescribeSecretOutput] })},
		{what: "GetSecretValue", begin: afterPut(tamper(func(b *tampered) { b.get = nothing[secretsmanager.GetSecretValueOutput] }))},
	} {
		tr.want = tenantsecrets.ErrUnavailable
		t.Run(tr.what, func(t *testing.T) { synctest.Test(t, tr.check) })
	}
}

// An API that panics ends its own load and no more.
func TestPanickingAPI(t *testing.T) {
	secret := document(t, nil)
	tr := trouble{
		begin: tamper(func(b *tampered) {
			b.describe = func(*secretsmanager.DescribeSecretOutput, error) (*secretsmanager.DescribeSecretOutput, error) {
				panic(secret)
			}
		}),
		want: tenantsecrets.ErrUnavailable,
	}
	synctest.Test(t, tr.check)
	b := &tampered{Backend: secretstest.New()}
	tr.begin(t, b)
	_, err := newClient(t, b).TenantSecret(t.Context(), tenant)
	checkNotQuoted(t, secret, err.Error())
}
