package reader

import (
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
)

// The tags of every secret, for access policies and inventories. TenantId and
// SecretType are compared on every load.
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
var ErrEmpty = errors.New("the answer is empty, it names no secret: look for a proxy or an endpoint that is not Secrets Manager")

// isEmpty tells whether an answer with that name and ARN is ErrEmpty.
func isEmpty(name, arn *string) bool { return aws.ToString(name) == "" && aws.ToString(arn) == "" }

// Identity is what a secret must say that it is.
type Identity struct{ Name, Tenant, SecretType string }

// Check compares a description with it. The error is a Foreign.
func (i Identity) Check(d *Description, at Place) error {
	if d.Name != i.Name {
		return foreign("the answer is about another name")
	}
	if _, err := at.Check(i.Name, d.ARN); err != nil {
		return err
	}
	for tag, want := range map[string]string{TagTenantID: i.Tenant, TagSecretType: i.SecretType} {
		if got, tagged := d.Tags[tag]; tagged && got != want {
			return foreign("its tag %s is not %q", tag, want)
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
