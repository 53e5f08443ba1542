// Shows an alert action's form. Splunk Web's own splunk-* elements are not on npm: this draws each with the control of
// Splunk's React library that it resembles, from the same attributes.
import React, { useState } from 'react';
import { createRoot } from 'react-dom/client';
import SplunkThemeProvider from '@splunk/themes/SplunkThemeProvider';
import ControlGroup from '@splunk/react-ui/ControlGroup';
import RadioList from '@splunk/react-ui/RadioList';
import Select from '@splunk/react-ui/Select';
import Text from '@splunk/react-ui/Text';
import TextArea from '@splunk/react-ui/TextArea';

const { theme, settings } = JSON.parse(document.getElementById('view').textContent);
const form = document.getElementById('form').content;

const Control = ({ element }) => {
    const name = element.getAttribute('name');
    const [value, set] = useState(settings[name] ?? element.getAttribute('value') ?? '');
    const common = { name, value, onChange: (event, data) => set(data.value) };
    const options = [...element.querySelectorAll('option')].map((one) => ({ label: one.textContent, value: one.value }));
    switch (element.localName) {
        case 'splunk-text-area':
            return <TextArea {...common} />;
        case 'splunk-radio-input':
            return (
                <RadioList {...common}>
                    {options.map(({ label, value: of }) => <RadioList.Option key={of} value={of}>{label}</RadioList.Option>)}
                </RadioList>
            );
        case 'splunk-select':
            return <Select {...common}>{options.map((one) => <Select.Option key={one.value} {...one} />)}</Select>;
        default:
            return <Text {...common} placeholder={element.getAttribute('placeholder') ?? ''} />;
    }
};

const controls = (group) => [...group.children].filter((child) => child.hasAttribute('name'));

createRoot(document.getElementById('root')).render(
    <SplunkThemeProvider family="enterprise" colorScheme={theme}>
        <form style={{ maxWidth: 640, padding: 20 }}>
            {[...form.querySelectorAll('splunk-control-group')].map((group) => (
                <ControlGroup key={group.getAttribute('label')} label={group.getAttribute('label')} help={group.getAttribute('help')}>
                    {controls(group).map((one) => <Control key={one.getAttribute('name')} element={one} />)}
                </ControlGroup>
            ))}
        </form>
    </SplunkThemeProvider>
);
