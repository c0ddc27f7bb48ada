/**
 * Settings: each is declared once ({@link io.bolina.runtime.setting.Setting}), beside what it
 * belongs to. From the declarations come a command's options, its YAML keys and environment
 * variables, the checks, the tables of the documents and the schema of the chart.
 */
package io.bolina.runtime.setting;
