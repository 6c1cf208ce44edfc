"""The pages' one stylesheet, inlined in each: no assets, light and dark, 390 px and up."""

STYLE = """
:root {
  color-scheme: light dark;
  --line:color-mix(in srgb,currentColor 18%,transparent);
  --soft:color-mix(in srgb,currentColor 7%,transparent);
}
* {
  box-sizing: border-box;
}
body {
  font: 16px/1.45 system-ui,sans-serif;
  margin: 0 auto;
  max-width: 62rem;
  padding: 0 1rem 3rem;
}
nav {
  display: flex;
  flex-wrap: wrap;
  gap: .25rem 1rem;
  padding: .75rem 0;
  border-bottom: 1px solid var(--line);
}
nav a[aria-current] {
  font-weight: 700;
  text-decoration: none;
  color: inherit;
}
h1 {
  font-size: 1.35rem;
  margin: 1.1rem 0 .4rem;
}
h2 {
  font-size: 1.05rem;
  margin: 1.4rem 0 .4rem;
}
p {
  margin: .4rem 0;
}
input,select,textarea,button {
  font: inherit;
  padding: .45rem .6rem;
  border: 1px solid var(--line);
  border-radius: .4rem;
  max-width: 100%;
}
button {
  cursor: pointer;
  min-height: 2.75rem;
}
form.row {
  display: flex;
  flex-wrap: wrap;
  gap: .5rem;
  align-items: center;
  margin: .6rem 0;
}
form.row input[type=search],form.row .grow {
  flex: 1 1 14rem;
}
textarea {
  width: 100%;
  font-family: ui-monospace,monospace;
  font-size: .85rem;
}
table {
  border-collapse: collapse;
  width: 100%;
}
th,td {
  text-align: left;
  padding: .4rem .5rem;
  border-bottom: 1px solid var(--line);
  vertical-align: top;
}
.scroll {
  overflow-x: auto;
}
.quiet {
  opacity: .75;
  font-size: .88rem;
}
td.text {
  overflow-wrap: anywhere;
  min-width: 12rem;
}
ol.talk {
  list-style: none;
  padding: 0;
  display: flex;
  flex-direction: column;
  gap: .5rem;
}
ol.talk li {
  max-width: 85%;
  padding: .5rem .75rem;
  border-radius: .8rem;
  background: var(--soft);
  overflow-wrap: anywhere;
  white-space: pre-wrap;
}
ol.talk li.in {
  align-self: flex-end;
  background: color-mix(in srgb,#2a7 22%,transparent);
}
.note {
  padding: .5rem .75rem;
  border-left: 4px solid #c60;
  background: var(--soft);
}
@media (max-width: 40rem) {
  table.stack thead { display: none; }
  table.stack tr { display: block; padding: .5rem 0; border-bottom: 1px solid var(--line); }
  table.stack td { display: inline-block; border: 0; padding: 0 .6rem 0 0; }
  table.stack td:first-child, table.stack td.text { display: block; min-width: 0; }
  form.row label.grow input { width: 100%; }
}
form.pad {
  display: grid;
  grid-template-columns: repeat(3, 4rem);
  gap: .4rem;
  margin: .6rem 0;
}
iframe.now {
  width: 100%;
  height: 11rem;
  border: 1px solid var(--line);
  border-radius: .4rem;
}
.words {
  white-space: pre-wrap;
  overflow-wrap: anywhere;
}
iframe.mail {
  width: 100%;
  height: 40rem;
  border: 1px solid var(--line);
  border-radius: .4rem;
  background: #fff;
  color-scheme: light;
}
"""
