package document

import "strconv"

// Database is credentials in the form that AWS's rotation functions and the console
// read and write. RDS itself stores username and password alone.
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_secret_json_structure.html
//
//	{"engine", "host", "username", "password", "dbname", "port", "ssl", "masterarn",
//	 "dbInstanceIdentifier"}
type Database struct {
	Engine, Host, Username, Password, DBName string
	Port                                     int   // 0: the engine's own
	SSL                                      *bool // nil: with, if the server can
	MasterARN, InstanceIdentifier            string
}

const maxPort = 65535

// DecodeDatabase reads one. The error is a Malformed.
func DecodeDatabase(text string) (d Database, err error) {
	err = decodeKind(text, d.take)
	return d, err
}

func (d *Database) take(o *object) {
	d.Username = o.required("username")
	d.Password = o.secret("password")
	d.Engine, _ = o.text("engine")
	d.Host, _ = o.text("host")
	d.DBName, _ = o.text("dbname")
	d.MasterARN, _ = o.text("masterarn")
	d.InstanceIdentifier, _ = o.text("dbInstanceIdentifier")
	d.Port = o.number("port", 1, maxPort, true)
	d.SSL = o.boolean("ssl")
}

// Encode writes it. The error is a Malformed.
func (d Database) Encode() (string, error) {
	return encodeKind(func(w *writer) {
		w.optional("engine", d.Engine)
		w.optional("host", d.Host)
		w.text("username", d.Username)
		w.text("password", d.Password)
		w.optional("dbname", d.DBName)
		w.number("port", d.Port)
		if d.SSL != nil {
			w.raw("ssl", strconv.FormatBool(*d.SSL))
		}
		w.optional("masterarn", d.MasterARN)
		w.optional("dbInstanceIdentifier", d.InstanceIdentifier)
	}, DecodeDatabase)
}
