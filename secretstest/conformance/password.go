package conformance

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

func (c *check) password(in secretsmanager.GetRandomPasswordInput) string {
	out, err := c.GetRandomPassword(c.ctx, &in)
	c.must(err)
	return *out.RandomPassword
}

func (c *check) passwordErr(in secretsmanager.GetRandomPasswordInput) error {
	_, err := c.GetRandomPassword(c.ctx, &in)
	return err
}

const (
	lowercase   = "abcdefghijklmnopqrstuvwxyz"
	uppercase   = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	numbers     = "0123456789"
	punctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
)

// excluding is a password without a type of character.
func excluding(what, characters string, in secretsmanager.GetRandomPasswordInput) behaviour {
	return behaviour{"GetRandomPassword leaves out " + what, documented("apireference/API_GetRandomPassword.html"), func(c *check) {
		if got := c.password(in); strings.ContainsAny(got, characters) {
			c.errorf("some in %s", got)
		}
	}}
}

var passwords = []behaviour{
	{"GetRandomPassword answers 32 characters of every type", documented("apireference/API_GetRandomPassword.html"), func(c *check) {
		for range 20 {
			got := c.password(secretsmanager.GetRandomPasswordInput{})
			c.same("length", len(got), 32)
			for _, characters := range []string{lowercase, uppercase, numbers, punctuation} {
				if !strings.ContainsAny(got, characters) {
					c.errorf("none of %s", characters)
				}
			}
			if strings.Contains(got, " ") {
				c.errorf("a space")
			}
		}
	}},
	{"GetRandomPassword leaves characters out, at the length asked for", verified("LocalStack test_get_random_exclude_characters_and_symbols"), func(c *check) {
		got := c.password(secretsmanager.GetRandomPasswordInput{PasswordLength: aws.Int64(120), ExcludeCharacters: aws.String("xyzDje@?!.")})
		c.same("length", len(got), 120)
		if strings.ContainsAny(got, "xyzDje@?!.") {
			c.errorf("an excluded character")
		}
	}},
	excluding("lower case", lowercase, secretsmanager.GetRandomPasswordInput{ExcludeLowercase: aws.Bool(true)}),
	excluding("upper case", uppercase, secretsmanager.GetRandomPasswordInput{ExcludeUppercase: aws.Bool(true)}),
	excluding("numbers", numbers, secretsmanager.GetRandomPasswordInput{ExcludeNumbers: aws.Bool(true)}),
	excluding("punctuation", punctuation, secretsmanager.GetRandomPasswordInput{ExcludePunctuation: aws.Bool(true)}),
	{"GetRandomPassword may include a space", documented("apireference/API_GetRandomPassword.html"), func(c *check) {
		got := c.password(secretsmanager.GetRandomPasswordInput{PasswordLength: aws.Int64(4096), IncludeSpace: aws.Bool(true)})
		if !strings.Contains(got, " ") {
			c.errorf("no space")
		}
	}},
	{"GetRandomPassword refuses a length out of range", model, func(c *check) {
		c.refused(c.passwordErr(secretsmanager.GetRandomPasswordInput{PasswordLength: aws.Int64(4097)}),
			"ValidationException", violation("Value '4097'", "passwordLength", "have value less than or equal to 4096"))
		c.refused(c.passwordErr(secretsmanager.GetRandomPasswordInput{PasswordLength: aws.Int64(0)}),
			"ValidationException", violation("Value '0'", "passwordLength", "have value greater than or equal to 1"))
	}},
	{"GetRandomPassword refuses a length that not every type fits in", reported("moto, get_random_password"), func(c *check) {
		c.refused(c.passwordErr(secretsmanager.GetRandomPasswordInput{PasswordLength: aws.Int64(3)}),
			"InvalidParameterException", "Password length is too short based on the required types.")
		short := c.password(secretsmanager.GetRandomPasswordInput{PasswordLength: aws.Int64(1), RequireEachIncludedType: aws.Bool(false)})
		c.same("length", len(short), 1)
	}},
	{"GetRandomPassword refuses to leave everything out", ours, func(c *check) {
		c.code(c.passwordErr(secretsmanager.GetRandomPasswordInput{ExcludeCharacters: aws.String(numbers)}), "InvalidParameterException")
		c.code(c.passwordErr(secretsmanager.GetRandomPasswordInput{
			ExcludeLowercase: aws.Bool(true), ExcludeUppercase: aws.Bool(true), ExcludeNumbers: aws.Bool(true), ExcludePunctuation: aws.Bool(true),
		}), "InvalidParameterException")
	}},
}
