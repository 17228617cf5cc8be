package tenantsecrets

import "github.com/formbridge/tenantsecrets/internal/document"

// DatabaseCredentials are what a database is connected to with, in the form that AWS's
// rotation functions and its console read and write:
//
//	{"engine": "postgres", "host": "…", "username": "…", "password": "…", "dbname": "…",
//	 "port": 5432, "ssl": true, "masterarn": "…", "dbInstanceIdentifier": "…"}
//
// username and password are required: RDS itself stores no more. port may stand as a
// string, and so may ssl. Where AWS wrote the document it has no tenant_id, and the
// secret's tag TenantId says whose it is.
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_secret_json_structure.html
type DatabaseCredentials struct {
	Engine   string // "postgres", "mysql", …; may be empty
	Host     string // may be empty
	Username string
	Password Value
	DBName   string // may be empty
	Port     int    // 0: the engine's own

	// SSL is whether the connection has to be encrypted; nil: if the server can, as AWS's
	// rotation functions do.
	SSL *bool

	MasterARN          string // of the secret of a user who may change this one's password
	InstanceIdentifier string // dbInstanceIdentifier
}

// Database is the credentials of a database, at databases/{name}/credentials, of a
// tenant or of the [Global] space. A name that is no part of one is ErrInvalidName from
// [Get].
func Database(name string) Kind[DatabaseCredentials] {
	return Kind[DatabaseCredentials]{
		Path:   "databases/" + partOrQuoted(name) + "/credentials",
		Decode: decodeDatabase,
		Encode: encodeDatabase,
	}
}

func decodeDatabase(stored []byte) (DatabaseCredentials, error) {
	d, err := document.DecodeDatabase(string(stored))
	if err != nil {
		return DatabaseCredentials{}, err
	}
	return DatabaseCredentials{
		Engine: d.Engine, Host: d.Host, Username: d.Username, Password: NewValue(d.Password), DBName: d.DBName,
		Port: d.Port, SSL: d.SSL, MasterARN: d.MasterARN, InstanceIdentifier: d.InstanceIdentifier,
	}, nil
}

func encodeDatabase(c DatabaseCredentials) ([]byte, error) {
	return encoded(document.Database{
		Engine: c.Engine, Host: c.Host, Username: c.Username, Password: c.Password.Reveal(), DBName: c.DBName,
		Port: c.Port, SSL: c.SSL, MasterARN: c.MasterARN, InstanceIdentifier: c.InstanceIdentifier,
	}.Encode())
}
