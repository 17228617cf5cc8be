package reader

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
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
