package reader

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/formbridge/tenantsecrets/internal/answer"
	"github.com/formbridge/tenantsecrets/internal/document"
)

// The tags of every secret, for access policies and inventories. Those that a secret has
// are compared on every load; one that is absent says nothing.
const (
	TagTenantID    = "TenantId"
	TagSecretType  = "SecretType"
	TagEnvironment = "Environment"
	TagService     = "Service"
)

// arnSuffix is how many random characters end an ARN, behind a hyphen.
const arnSuffix = 6

// Foreign is the error of an answer that is about another secret, tenant, account or
// Region than was asked for.
type Foreign string

func (f Foreign) Error() string { return string(f) }

func foreign(format string, args ...any) error { return Foreign(fmt.Sprintf(format, args...)) }

// ErrEmpty means that an answer has neither the name nor the ARN of a secret: an empty
// body, or that of a server that is not Secrets Manager. It says nothing about any secret,
// whatever else is in it. What has one of the two, and not the one that was asked for, is
// another secret's.
var ErrEmpty = answer.ErrEmpty

// isEmpty tells whether an answer with that name and ARN is ErrEmpty.
func isEmpty(name, arn *string) bool { return aws.ToString(name) == "" && aws.ToString(arn) == "" }

// Identity is what a secret must say that it is. Make one with [IdentityOf].
type Identity struct{ Name, Environment, Service, Tenant, SecretType string }

// IdentityOf returns the identity of the secret of that name, of which the environment and
// the service are the first two parts.
func IdentityOf(name, tenant, secretType string) Identity {
	environment, rest, _ := strings.Cut(name, "/")
	service, _, _ := strings.Cut(rest, "/")
	return Identity{Name: name, Environment: environment, Service: service, Tenant: tenant, SecretType: secretType}
}

// Tag is one tag of a secret.
type Tag struct{ Key, Value string }

// Tags are the tags of the secret, in a fixed order.
func (i Identity) Tags() []Tag {
	return []Tag{
		{TagTenantID, i.Tenant}, {TagSecretType, i.SecretType}, {TagEnvironment, i.Environment}, {TagService, i.Service},
	}
}

// Check compares a description with it. The error is a Foreign.
func (i Identity) Check(d *Description, at Place) error {
	if d.Name != i.Name {
		return foreign("the answer is about another name")
	}
	if _, err := at.Check(i.Name, d.ARN); err != nil {
		return err
	}
	for _, want := range i.Tags() {
		if got, tagged := d.Tags[want.Key]; tagged && got != want.Value {
			return foreign("its tag %s is not %q", want.Key, want.Value)
		}
	}
	return nil
}

// CheckOwner looks for the tenant in the text of a version, a JSON document of any kind.
// Where AWS's own rotation wrote the document it has no tenant_id, and the tag TenantId
// must be there instead. The error is a Foreign, or a document.Malformed.
func (i Identity) CheckOwner(d *Description, text string) error {
	owner, present, err := document.Owner(text)
	switch {
	case err != nil:
		return err
	case present && owner != i.Tenant:
		return foreign("tenant_id in its document is not %q", i.Tenant)
	case present:
		return nil
	}
	return i.checkTag(d, true)
}

// CheckTag looks for the tenant where nothing in the value can say whose it is: the tag
// TenantId must be there. The error is a Foreign, or a document.Malformed.
func (i Identity) CheckTag(d *Description) error { return i.checkTag(d, false) }

func (i Identity) checkTag(d *Description, hasDocument bool) error {
	tag, tagged := d.Tags[TagTenantID]
	switch {
	case tagged && tag != i.Tenant:
		return foreign("its tag %s is not %q", TagTenantID, i.Tenant)
	case tagged:
		return nil
	case d.Partial && hasDocument:
		return document.Malformed("nothing says whose it is: its document has no tenant_id, and GetSecretValue does not show tags; add tenant_id to the document, or read with DescribeSecret too")
	case d.Partial:
		return document.Malformed("nothing says whose it is: GetSecretValue does not show tags; read with DescribeSecret too")
	}
	text := fmt.Sprintf("nothing says whose it is: add the tag %s with the value %s to the secret", TagTenantID, i.Tenant)
	if hasDocument {
		text += ", or tenant_id to its document"
	}
	return document.Malformed(text)
}

// Place is where secrets must be. A member that is empty is any.
type Place struct{ Partition, Account, Region string }

// Check compares an ARN with a secret's name and with the place, and returns where it
// is. The error is a Foreign.
func (p Place) Check(name, text string) (Place, error) {
	got, err := arn.Parse(text)
	if err != nil || got.Service != "secretsmanager" {
		return Place{}, foreign("the answer has no ARN of a secret")
	}
	suffix := len("secret:") + len(name)
	if len(got.Resource) != suffix+1+arnSuffix || got.Resource[:suffix+1] != "secret:"+name+"-" {
		return Place{}, foreign("the ARN is of another name")
	}
	for _, c := range []struct{ what, want, got string }{
		{"partition", p.Partition, got.Partition},
		{"account", p.Account, got.AccountID},
		{"Region", p.Region, got.Region},
	} {
		if c.want != "" && c.got != c.want {
			return Place{}, foreign("its %s is not %s", c.what, c.want)
		}
	}
	return Place{got.Partition, got.AccountID, got.Region}, nil
}
