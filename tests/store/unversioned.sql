CREATE TABLE datasets (
	fingerprint VARCHAR(64) NOT NULL, 
	name TEXT NOT NULL, 
	columns JSON NOT NULL, 
	n INTEGER NOT NULL, 
	d INTEGER NOT NULL, 
	"values" BLOB NOT NULL, 
	created DATETIME NOT NULL, 
	PRIMARY KEY (fingerprint)
);
CREATE TABLE dataset_owners (
	fingerprint VARCHAR(64) NOT NULL, 
	owner VARCHAR(255) NOT NULL, 
	created DATETIME NOT NULL, 
	PRIMARY KEY (fingerprint, owner), 
	FOREIGN KEY(fingerprint) REFERENCES datasets (fingerprint) ON DELETE CASCADE
);
CREATE TABLE runs (
	id VARCHAR(32) NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	dataset VARCHAR(64) NOT NULL, 
	specification TEXT NOT NULL, 
	engine VARCHAR(32) NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	message TEXT NOT NULL, 
	headline TEXT NOT NULL, 
	created DATETIME NOT NULL, 
	started DATETIME, 
	finished DATETIME, 
	seconds FLOAT, 
	versions JSON, 
	attempt VARCHAR(32), 
	server VARCHAR(255), 
	seen DATETIME, 
	PRIMARY KEY (id), 
	FOREIGN KEY(dataset) REFERENCES datasets (fingerprint)
);
CREATE INDEX ix_runs_state ON runs (state);
CREATE INDEX ix_runs_dataset ON runs (dataset);
CREATE TABLE run_owners (
	run_id VARCHAR(32) NOT NULL, 
	owner VARCHAR(255) NOT NULL, 
	created DATETIME NOT NULL, 
	PRIMARY KEY (run_id, owner), 
	FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE
);
CREATE INDEX ix_run_owners_owner ON run_owners (owner);
CREATE TABLE results (
	run_id VARCHAR(32) NOT NULL, 
	blob BLOB NOT NULL, 
	PRIMARY KEY (run_id), 
	FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE
);
CREATE TABLE parts (
	run_id VARCHAR(32) NOT NULL, 
	attempt VARCHAR(32) NOT NULL, 
	part INTEGER NOT NULL, 
	blob BLOB NOT NULL, 
	PRIMARY KEY (run_id, attempt, part), 
	FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE
);
